"""The laws that every family obeys: what binds an EM and a PyMC model binds the same model, and says so truly."""

import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from comparisons import catalogue, families
from comparisons.audit.reference import Reference
from comparisons.case import Array, AuditHooks, Case, InputError, Natural, each, stack
from comparisons.parameters import support_of
from pp_models.objective import Objective

POINTS = 4
# Round-off of a log-likelihood, of counts and of parameters, beside 1 + their size.
SAME = 1e-9
# Of two gradients, beside the larger.
SAME_GRADIENT = 1e-6


def check_family(module: Any, case: Case | None = None, *, seed: int = 0) -> pd.DataFrame:
    """Check the laws that every family obeys, on one data set.

    Parameters
    ----------
    module : module or str
        A family module (see `comparisons.families`), or the name of one that is installed.
    case : Case, optional
        A data set bound by the family; left out, the first problem of the catalogue that has this family.
    seed : int
        Of the random parameters at which EM and PyMC are compared.

    Returns
    -------
    DataFrame
        One row per law: `law`, `holds` (bool) and `found`, what is wrong where it does not hold; without audit hooks
        the laws about them do not appear.

    Raises
    ------
    InputError
        If there is no such family, or neither a case nor a problem of the catalogue.

    Examples
    --------
    >>> from comparisons import check_family
    >>> table = check_family("genetic-linkage")
    >>> bool(table["holds"].all())
    True
    """
    if isinstance(module, str):
        module = families.family(module)
    case = _problem_of(module) if case is None else case
    found = _of_module(module)
    of_module = pd.DataFrame([{"law": "module", "holds": not found, "found": found}])
    return pd.concat([of_module, check_case(case, seed=seed)], ignore_index=True)


def check_case(case: Case | str | Callable[[], Case], *, seed: int = 0) -> pd.DataFrame:
    """Check the laws that every case obeys, whether a family has bound it or `comparisons.bind`.

    Parameters
    ----------
    case : Case, str or callable () -> Case
        A case, the name of a problem of the catalogue, or a function that makes a case.
    seed : int
        Of the random parameters at which EM and PyMC are compared.

    Returns
    -------
    DataFrame
        As of `check_family`, without the laws about the module.

    Raises
    ------
    InputError
        If there is no such problem, or what was given makes no case.

    Examples
    --------
    >>> from comparisons import check_case
    >>> table = check_case("genetic-linkage")
    >>> bool(table["holds"].all())
    True
    """
    case = catalogue.case_of(case)
    compared = Compared(Reference(case, seed), case.objective())
    rows = []
    laws = {**LAWS, **(AUDIT_LAWS if case.audit is not None else {})}
    for law, broken in laws.items():
        try:
            found = broken(compared)
        except Exception as error:  # a family may break in any way, and the other laws are still of interest
            found = f"{type(error).__name__}: {error}"
        rows.append({"law": law, "holds": not found, "found": found})
    return pd.DataFrame(rows)


def _problem_of(module: Any) -> Case:
    """The first problem of the catalogue of a family."""
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    for problem in catalogue.names():
        if catalogue.describe(problem).family == name:
            return catalogue.load(problem)
    raise InputError(f"no problem of the catalogue has the family {name!r}, expected a case that it has bound")


class Compared(NamedTuple):
    """A case with what the laws compare: what the graph derives, and the log-likelihood that is maximised."""

    reference: Reference
    objective: Objective

    @property
    def case(self) -> Case:
        """The case."""
        return self.reference.case

    @property
    def points(self) -> list[Natural]:
        """Random parameters."""
        return self.reference.points[:POINTS]

    @property
    def hooks(self) -> AuditHooks:
        """The family's audit hooks."""
        return self.reference.hooks


# Each law says what is wrong, and nothing where it holds.


def _of_module(module: Any) -> str:
    """It has what the command line shows, and options of kinds that it knows."""
    missing = [member for member in families.MEMBERS if not hasattr(module, member)]
    if missing:
        return f"the module has no {missing[0]}"
    if "\n" in module.TITLE or not module.TITLE:
        return "TITLE is not one line"
    names = [option.name for option in module.OPTIONS]
    if len(set(names)) < len(names):
        return "two options have one name"
    for option in module.OPTIONS:
        if option.kind not in families.KINDS:
            return f"option {option.name!r} is of the kind {option.kind}, expected one of {list(families.KINDS)}"
        if option.default is not None and not option.takes(option.default):
            return f"the default of {option.name!r} is {option.default!r}, expected {option.expected}"
    return ""


def _parameters(compared: Compared) -> str:
    """Names, sizes and supports of the parameters are those of the variables of the PyMC model."""
    ours, theirs = compared.case.sizes, {name: compared.objective.sizes[name] for name in compared.objective.sizes}
    if ours != theirs:
        return f"the case has {ours}, the PyMC model {theirs}"
    for parameter in compared.case.parameters:
        support = support_of(compared.objective, parameter.name)
        if parameter.support != support:
            return f"the case has {parameter.name} as {parameter.support}, in the PyMC model it is {support}"
    return ""


def _starts(compared: Compared) -> str:
    """Random starts are finite, depend on the seed alone, and lie where EM and PyMC are defined."""
    case = compared.case
    one, two = (case.draw_start(np.random.default_rng(7)) for _ in range(2))
    if list(one) != list(case.sizes):
        return f"a start has {', '.join(one)}, expected {', '.join(case.sizes)} in this order"
    if _apart(case.flat(one), case.flat(two)):
        return "two starts from one seed differ"
    for start in compared.points:
        if not np.isfinite(case.flat(start)).all() or not np.all(case.em.feasible(case.to_em(start))):
            return f"a start outside the EM's parameter space: {start}"
        # Raises where the PyMC model is not defined.
        compared.objective.free(start)
    return ""


def _back_and_forth(compared: Compared) -> str:
    """`to_em` and `from_em` undo each other, with leading axes too."""
    case, points = compared.case, compared.points
    many = stack(points)
    for natural in (*points, many):
        again = case.from_em(case.to_em(natural))
        if list(again) != list(natural) or _apart(case.flat(natural), case.flat(again)):
            return f"{natural} comes back as {again}"
    return ""


def _likelihood(compared: Compared) -> str:
    """The two log-likelihoods are equal at random parameters, and so are the log priors."""
    case, objective = compared.case, compared.objective
    for point in compared.points:
        expectation, x = case.em.e_step(case.to_em(point)), objective.free(point)
        pairs = {
            "log-likelihood": (expectation.log_likelihood, objective.log_likelihood(x)),
            "log prior": (expectation.log_prior, objective.log_prior(x)),
        }
        for what, (by_em, by_pymc) in pairs.items():
            if _apart(np.asarray(by_em), np.asarray(by_pymc), case.magnitude):
                return f"the {what} is {float(by_em):.10g} by the EM and {float(by_pymc):.10g} by PyMC at {point}"
    return ""


def _side_by_side(compared: Compared) -> str:
    """Many starts along a leading axis give what they give one by one."""
    case, points = compared.case, compared.points
    together = case.one_cycle(stack(points))
    for alone, beside in zip(map(case.one_cycle, points), each(together), strict=True):
        if _apart(case.flat(alone), case.flat(beside)):
            return f"one cycle alone gives {alone}, beside others {beside}"
    return ""


def _ascent(compared: Compared) -> str:
    """No cycle lowers what the EM climbs."""
    case = compared.case
    for point in compared.points:
        heights = [float(case.em.e_step(case.to_em(p)).objective) for p in (point, case.one_cycle(point))]
        if heights[1] < heights[0] - SAME * (1 + abs(heights[0]) + case.magnitude):
            return f"a cycle leads from {heights[0]:.10g} down to {heights[1]:.10g}, from {point}"
    return ""


def _alignment(compared: Compared) -> str:
    """Aligned and canonical parameters have the same likelihood; what is aligned with itself stays."""
    case, (one, other) = compared.case, compared.points[:2]
    if _apart(case.flat(case.align(one, one)), case.flat(one)):
        return "parameters that are aligned with themselves change"
    before = compared.objective.log_likelihood(compared.objective.free(one))
    for what, changed in (("align", case.align(one, other)), ("canonical", case.canonical(one))):
        after = compared.objective.log_likelihood(compared.objective.free(changed))
        if _apart(np.asarray(before), np.asarray(after), case.magnitude):
            return f"{what} changes the log-likelihood from {before:.10g} to {after:.10g}"
    return ""


def _display(compared: Compared) -> str:
    """What is shown can be computed at any parameters: derived quantities, curves, tables."""
    case, point = compared.case, compared.points[0]
    for shown in (case.fitted, case.curves, case.first_cycle, case.extra_tables, case.runaway, case.certificate):
        shown(point)
    wrong = [name for name, values in case.derive(point).items() if np.ndim(values) != 1]
    return f"{wrong[0]} is derived with {np.ndim(case.derive(point)[wrong[0]])} axes, expected 1" if wrong else ""


def _travels(compared: Compared) -> str:
    """The case pickles, and is the same afterwards."""
    case, point = compared.case, compared.points[0]
    again = pickle.loads(pickle.dumps(case))
    return "one cycle differs after pickling" if _apart(_cycle(again, point), _cycle(case, point)) else ""


def _counts(compared: Compared) -> str:
    """The score of PyMC's expected counts is the gradient of its log-likelihood; the EM has counts of the same names.

    Their values may be about a point of the EM's own, and are compared by the audit of an EM.
    """
    case, reference = compared.case, compared.reference
    for point in compared.points:
        x, counts = reference.free(point), reference.expected_counts(reference.weighted(point))
        by_counts, by_pymc = reference.score(counts, point), reference.likelihood_gradient(x)
        gap = _gradient_gap(by_counts, by_pymc)
        if gap > SAME_GRADIENT:
            return f"the score of the expected counts differs from PyMC's gradient by {gap:.1e} of its size at {point}"
        expected = case.em.e_step(case.to_em(point)).expected_counts
        ours = {name: np.asarray(v) for name, v in zip(expected._fields, expected, strict=True) if v is not None}
        unlike = [name for name in counts if name not in ours or ours[name].shape != counts[name].shape]
        if unlike:
            return f"the EM's expected counts have no {unlike[0]} of shape {counts[unlike[0]].shape}"
    return ""


def _symmetries(compared: Compared) -> str:
    """A symmetry leaves the log-likelihood as it is."""
    objective = compared.objective
    for what, change in compared.hooks.symmetries.items():
        for point in compared.points:
            before, after = (objective.log_likelihood(objective.free(p)) for p in (point, change(point)))
            if _apart(np.asarray(before), np.asarray(after), compared.case.magnitude):
                return f"{what} changes the log-likelihood from {before:.10g} to {after:.10g}"
    return ""


def _rebinding(compared: Compared) -> str:
    """Bound again, the same data give the same cycle, written in two ways too; other data are bound without error."""
    case, hooks, point = compared.case, compared.hooks, compared.points[0]
    if _apart(_cycle(hooks.rebind(hooks.data), point), _cycle(case, point)):
        return "one cycle differs after binding the same data again"
    for what, (one, other) in hooks.same_data.items():
        if _apart(_cycle(hooks.rebind(one), point), _cycle(hooks.rebind(other), point)):
            return f"one cycle differs with {what}"
    for data in (*hooks.edge_cases.values(), *hooks.made(np.random.default_rng(0)).values()):
        if set(data) != set(hooks.data):
            return f"other data have the keys {', '.join(data)}, expected {', '.join(hooks.data)}"
        hooks.rebind(data)
    unlike = [name for name in hooks.rows if len(hooks.data[name]) != len(hooks.data["frequencies"])]
    return f"{unlike[0]!r} has another number of rows than 'frequencies'" if unlike else ""


def _mistakes(compared: Compared) -> str:
    """A mistake of the family is a cycle from parameters to parameters, and not the right one everywhere."""
    case = compared.case
    for what, cycle in compared.hooks.mistakes().items():
        with np.errstate(all="ignore"):
            given = [(point, cycle(point, 0.1)) for point in compared.points]
        if any(list(wrong) != list(point) for point, wrong in given):
            return f"'{what}' does not give the parameters {', '.join(case.sizes)}"
    return ""


def _cycle(case: Case, natural: Natural) -> Array:
    return case.flat(case.one_cycle(natural))


def _apart(one: Array, other: Array, magnitude: float = 0.0) -> bool:
    """Whether two numbers, or arrays, differ by more than round-off; shapes that differ do."""
    if one.shape != other.shape:
        return True
    scale = 1 + np.maximum(np.abs(one), np.abs(other)) + magnitude * 1e-6
    near = np.abs(one - other) <= SAME * scale
    # A cycle that fails does so in either way.
    return not bool((near | (np.isnan(one) & np.isnan(other))).all())


def _gradient_gap(one: Array, other: Array) -> float:
    return float(np.nan_to_num(np.abs(one - other).max() / (1 + np.abs(other).max()), nan=np.inf))


Law = Callable[[Compared], str]
LAWS: dict[str, Law] = {
    "parameters": _parameters,
    "starts": _starts,
    "names": _back_and_forth,
    "likelihood": _likelihood,
    "side by side": _side_by_side,
    "ascent": _ascent,
    "alignment": _alignment,
    "display": _display,
    "pickling": _travels,
}
AUDIT_LAWS: dict[str, Law] = {
    "expected counts": _counts,
    "symmetries": _symmetries,
    "other data": _rebinding,
    "mistakes": _mistakes,
}
