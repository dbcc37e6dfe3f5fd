"""What is reported in place of a log-likelihood, or of standard errors."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import logsumexp

from comparisons.audit.causes.data import misread
from comparisons.audit.constants import compared, related
from comparisons.audit.reference import Reference
from comparisons.case import Array, Natural

# Two series of log-likelihoods are one to this share of their size.
SAME = 1e-7
Q = "the expected complete-data log-likelihood Q"


def instead_of_log_likelihood(
    values: Array, points: Sequence[Natural], reference: Reference, before: Sequence[Sequence[Natural]] = ()
) -> str:
    """What some numbers are that should be log-likelihoods at some points, in words; empty if that does not show.

    Parameters
    ----------
    values : array
        One number for each point.
    points : sequence of natural
    reference : Reference
    before : sequence
        Where the points came from: the points one cycle before, two cycles before, ...
    """
    theirs = np.array([reference.log_likelihood(point) for point in points])
    if len(values) > 1 and np.ptp(values) == 0 and np.ptp(theirs) > 0:
        return "one and the same number whatever the estimates: a constant, or that of the first cycle kept"
    simple = related(values, theirs, any_factor=False)
    if simple:
        return simple
    for words, wrong in _wrong_values(points, reference, before):
        found = compared(values, wrong, reference.hooks.constants)
        if np.isfinite(wrong).all() and np.abs(found.gap).max() <= SAME * found.scale:
            return words
    return related(values, theirs)


def _wrong_values(
    points: Sequence[Natural], reference: Reference, before: Sequence[Sequence[Natural]]
) -> Iterator[tuple[str, Array]]:
    for cycles, earlier in enumerate(before, start=1):
        if len(earlier) == len(points):
            ago = "the cycle before" if cycles == 1 else f"{cycles} cycles before"
            yield f"that of {ago}", np.array([reference.log_likelihood(point) for point in earlier])
            for words, q in _q(points, earlier, reference).items():
                yield f"{words}, with the posterior of {ago}", q
    yield from _q(points, points, reference).items()
    q = _q(points, points, reference)[Q]
    yield "Q divided by the number of observations", q / reference.complete.rows
    theirs = np.array([reference.log_likelihood(point) for point in points])
    yield "its mean over the observations", theirs / reference.complete.rows
    yield "its mean over the rows", theirs / len(reference.hooks.data["frequencies"])
    case = reference.case
    for words, other in misread(reference):
        told = [float(other.em.e_step(other.to_em(point)).log_likelihood) for point in points]
        yield f"a log-likelihood in which {words}", np.array(told)
    if reference.complete.states and "weight" in case.labels:
        yield "a log-likelihood in which the weights are left out", _without_weights(points, reference)
        equal = len(case.labels["weight"])
        totals = reference.complete.rows * np.log(equal)
        yield "a log-likelihood in which the weights are equal", _without_weights(points, reference) - totals


def _q(points: Sequence[Natural], posterior: Sequence[Natural], reference: Reference) -> dict[str, Array]:
    """Q, and Q without the term of the weights."""
    whole, of_weights = [], []
    for new, old in zip(points, posterior, strict=True):
        weighted = reference.weighted(old)
        whole.append(reference.complete.expected_log_joint(reference.free(new), weighted)[0])
        weight = new.get("weight", reference.hooks.data.get("weights"))
        if weight is not None and reference.complete.states:
            of_weights.append(float(weighted.sum(axis=0) @ np.log(weight)))
    found = {Q: np.array(whole)}
    return {**found, f"{Q} without the weights": found[Q] - of_weights} if of_weights else found


def _without_weights(points: Sequence[Natural], reference: Reference) -> Array:
    found = []
    for point in points:
        joint = reference.complete.log_joint(reference.free(point)) - np.log(point["weight"])
        found.append(float(reference.complete.frequencies @ logsumexp(joint, axis=1)))
    return np.array(found)


def instead_of_errors(errors: Natural, theirs: Natural, at: Natural, reference: Reference) -> str:
    """What standard errors are instead, in words: of one parameter name those that differ."""
    for name in errors:
        ours, right = np.asarray(errors[name], dtype=float), theirs[name]
        if np.allclose(ours, right, rtol=1e-3):
            continue
        others = {"their squares, variances": right**2, "in another order": right[::-1]}
        others |= {words: values[name] for words, values in _wrong_errors(at, reference).items() if name in values}
        for words, wrong in others.items():
            if np.allclose(ours, wrong, rtol=1e-3):
                return words
        return related(ours, right)
    return ""


def _wrong_errors(at: Natural, reference: Reference) -> dict[str, Natural]:
    """Standard errors of other things, and by other information."""
    x, case = reference.free(at), reference.case
    jacobian = reference.objective.natural_jacobian(x)
    observed = -reference.objective.hessian(x)
    complete = -reference.hessian_of_q(x, reference.weighted(at))
    found = {}
    with np.errstate(all="ignore"):
        for words, information in {
            "those of the complete data, as if what is latent had been seen": complete,
            "those of one parameter when all others are known: the diagonal of the information alone": np.diag(
                np.diag(observed)
            ),
        }.items():
            found[words] = reference.objective.split(
                np.sqrt(np.diag(jacobian @ np.linalg.pinv(information) @ jacobian.T))
            )
        covariance = jacobian @ np.linalg.pinv(observed) @ jacobian.T
        right = reference.objective.split(np.sqrt(np.diag(covariance)))
        found["those of the logit"] = {name: right[name] / (at[name] * (1 - at[name])) for name in right}
        found["those of the logarithm"] = {name: right[name] / np.abs(at[name]) for name in right}
        found["those of the square root"] = {name: right[name] / (2 * np.sqrt(np.abs(at[name]))) for name in right}
        if {"a", "d"} <= set(case.labels):
            found["those of the difficulties b = -d / a"] = {"d": _of_difficulties(at, covariance, reference)}
    return found


def _of_difficulties(at: Natural, covariance: Array, reference: Reference) -> Array:
    """By the delta method: the gradient of -d / a is (-1 / a, d / a^2)."""
    order = reference.objective.split(np.arange(float(len(covariance))))
    place = {name: part.astype(int) for name, part in order.items()}
    d, a = at["d"], np.broadcast_to(at["a"], at["d"].shape)
    slopes = np.broadcast_to(place["a"], at["d"].shape)
    variances = []
    for item, (of_d, of_a) in enumerate(zip(place["d"], slopes, strict=True)):
        gradient = np.array([-1 / a[item], d[item] / a[item] ** 2])
        both = np.ix_([of_d, of_a], [of_d, of_a])
        variances.append(gradient @ covariance[both] @ gradient)
    return np.sqrt(np.array(variances))
