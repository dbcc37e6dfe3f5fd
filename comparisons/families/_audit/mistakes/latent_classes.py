"""Mistakes in the EM of latent classes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import softmax

from comparisons.case import Array, Natural
from comparisons.families._class_items import name_of

Cycle = Callable[[Natural, float], Natural]


def class_mistakes(data: dict[str, Any]) -> dict[str, Cycle]:
    """Wrong likelihoods of a pattern, and counts that are divided by something else."""
    responses, often, sizes = data["responses"], data["frequencies"], data["categories"]

    def one_hot(codes: Array) -> dict[int, Array]:
        """Of the items of each number of states, (N, items, states)."""
        return {
            int(size): (codes[:, sizes == size, None] == np.arange(size)).astype(float) for size in np.unique(sizes)
        }

    given = one_hot(responses)
    answered = {size: hot.sum(axis=-1) for size, hot in given.items()}

    def cycle(
        hot: dict[int, Array] = given,
        seen: dict[int, Array] = answered,
        counts: Mapping[int, Any] = dict.fromkeys(given, 1.0),
        power: float = 1.0,
        divided: Callable[[Array, Array], Array] | None = None,
    ) -> Cycle:
        def one(natural: Natural, _: float) -> Natural:
            every = {size: _full(natural, size) for size in hot}
            with np.errstate(divide="ignore", invalid="ignore"):
                joint: Any = np.log(natural.get("weight", np.ones(1)))
                for size, probability in every.items():
                    # Of 0 not the logarithm itself: it would meet a count of 0 in the product.
                    logs = np.log(np.maximum(probability, np.finfo(float).tiny))
                    joint = joint + power * np.einsum("nic,kic->nk", hot[size], logs * counts[size])
                weighted = often[:, None] * softmax(joint, axis=1)
                new: Natural = {"weight": weighted.sum(axis=0) / often.sum()}
                for size in hot:
                    answers = np.einsum("nk,nic->kic", weighted, hot[size])
                    total = np.einsum("nk,ni->ki", weighted, seen[size])
                    found = answers / total[..., None] if divided is None else divided(answers, weighted)
                    # What is missing to 1 goes to the first state, of which two states say nothing.
                    found[..., 0] += 1 - found.sum(axis=-1)
                    new[name_of(size)] = found[..., 1] if size == 2 else found
            return {name: new[name] for name in natural}

        return one

    def without(item: int) -> dict[int, Array]:
        """Factors of the logarithms (items, 1) of each number of states: 0 for one item."""
        places = np.arange(len(sizes))
        return {size: (places != item).astype(float)[sizes == size, None] for size in given}

    everyone = {size: np.ones_like(count) for size, count in answered.items()}
    found = {
        "answers in the first state of an item do not count in the likelihood": cycle(
            counts={size: np.arange(size) > 0 for size in given}
        ),
        "the last item does not count in the likelihood": cycle(counts=without(len(sizes) - 1)),
        "the first item does not count in the likelihood": cycle(counts=without(0)),
        "the logarithms of the probabilities are averaged over the items, not added": cycle(power=1 / len(sizes)),
        "answers are divided by their sum over the classes, not over the categories": cycle(
            divided=lambda answers, weighted: answers / answers.sum(axis=0)
        ),
        "answers are divided by the number of all respondents, not by those of the class": cycle(
            divided=lambda answers, weighted: answers / weighted.sum()
        ),
    }
    if np.isnan(responses).any():
        zeros, others = one_hot(np.nan_to_num(responses)), np.where(np.isnan(responses), sizes - 1.0, responses)
        found |= {
            "missing answers are taken for the first state": cycle(zeros, seen=everyone),
            "missing answers are taken for the last state": cycle(one_hot(others), seen=everyone),
            "answers are divided by all respondents of a class, who did not answer the item included": cycle(
                seen=everyone
            ),
        }
    return found


def _full(natural: Natural, size: int) -> Array:
    """Probabilities (K, items, states) of the items with so many states."""
    values = np.asarray(natural[name_of(size)], dtype=float)
    return np.stack([1 - values, values], axis=-1) if size == 2 else values
