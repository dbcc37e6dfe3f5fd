"""What the mixture families share: components change their labels, and fits are drawn as counts."""

import numpy as np

from comparisons.case import Array, Curves, Natural

# Nearer to 1, what is left to 1 has too few digits for a logit and back.
EDGE = 1e-6


def relabelled(natural: Natural, reference: Natural) -> Natural:
    """Components in the order that comes closest to the reference: an assignment of least total distance."""
    from scipy.optimize import linear_sum_assignment

    apart = (np.abs(reference[name][:, None] - values) for name, values in natural.items())
    distance = sum(by_entry.reshape(*by_entry.shape[:2], -1).sum(axis=-1) for by_entry in apart)
    order = linear_sum_assignment(distance)[1]
    return {name: values[order] for name, values in natural.items()}


def fitted_counts(axes: tuple[str, str], shares: dict[str, Array], values: Array, frequencies: Array) -> Curves:
    """Observed counts beside those expected under the fit, in total and by component.

    Parameters
    ----------
    axes : tuple of str
        What is counted, and what the counts are of.
    shares : dict of label -> array (M + 1,)
        Expected number of observations with 0 to M counts from each component.
    values, frequencies : array (J,)
        Observed counts, up to M, and how often each was seen.
    """
    total = np.sum(list(shares.values()), axis=0)
    observed = np.bincount(values.astype(int), weights=frequencies, minlength=len(total)).astype(float)
    x = np.arange(float(len(total)))
    return Curves("Observed and fitted counts", *axes, x, {"mixture": total, **shares}, observed, True)


def off_the_edge(start: Natural) -> Natural:
    """Probabilities of a start inside 0 and 1, by at least `EDGE`, and weights that add up to 1."""
    inner: Natural = {name: np.clip(start[name], EDGE, 1 - EDGE) for name in ("weight", "bias") if name in start}
    if "weight" in inner:
        weight = np.clip(start["weight"] / start["weight"].sum(), EDGE, 1.0)
        weight[weight.argmax()] -= weight.sum() - 1
        inner["weight"] = weight
    return start | inner
