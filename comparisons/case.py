"""What a family binds together for one data set: its EM, its PyMC model, its starts, its symmetries.

The only language that EM and PyMC share is a dict of natural parameters by name (`Natural`).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from comparisons.errors import InputError
from comparisons.kept import kept
from comparisons.parameters import Array, Axis, Parameter, Support, WithParameters, axes_of, numbered, scalar_name
from em_reference.em import EMProblem, StopRule
from em_reference.threads import number_of_threads

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Alternative",
    "Array",
    "Away",
    "Axis",
    "Case",
    "Certified",
    "Clouds",
    "Curves",
    "Flag",
    "InputError",
    "Natural",
    "OfData",
    "Parameter",
    "Published",
    "Support",
    "Worked",
    "each",
    "numbered",
    "scalar_name",
    "stack",
    "take",
]

Natural = dict[str, Array]


class Flag(NamedTuple):
    """Something that the reader must know beside the verdict.

    Attributes
    ----------
    code : str
        For programs: `ridge`, `boundary`, `symmetry`, ...
    message : str
        The same in words.

    Examples
    --------
    >>> from comparisons import crosscheck, load_problem
    >>> result = crosscheck(load_problem("coins"), 10)
    >>> [flag.code for flag in result.flags]
    ['ridge']
    """

    code: str
    message: str


class Away(NamedTuple):
    """Parameters that look as if they ran off to infinity together, and a point further along their way."""

    names: tuple[str, ...]
    further: Natural


class Curves(NamedTuple):
    """What the model fits, ready to draw: lines over x, and observed points or bars beside them.

    Attributes
    ----------
    title, x_label, y_label : str
    x : array (P,)
    lines : dict of label -> array (P,)
    observed : array (P,) or None
        Observed counterpart at the same x.
    discrete : bool
        Draw bars for what was observed and points for the lines; else draw continuous lines.
    ticks : tuple of str
        Names of the places x, where they have some.
    """

    title: str
    x_label: str
    y_label: str
    x: Array
    lines: dict[str, Array]
    observed: Array | None = None
    discrete: bool = False
    ticks: tuple[str, ...] = ()


class Clouds(NamedTuple):
    """Rows of the data in a plane, by the component that they belong to, and outlines of the components.

    Attributes
    ----------
    title, x_label, y_label : str
    points : array (J, 2)
    frequencies : array (J,)
        How often each was seen.
    shares : array (J, K)
        Posterior probability of each component.
    outlines : dict of component -> array (C, P, 2)
        Closed lines around each, C of them.
    """

    title: str
    x_label: str
    y_label: str
    points: Array
    frequencies: Array
    shares: Array
    outlines: dict[str, Array]


class Published(NamedTuple):
    """Estimates of another program or a textbook, to be shown beside ours."""

    source: str
    parameters: Mapping[str, list[float]]


class Alternative(NamedTuple):
    """Estimates of the same parameters in another way, to be shown beside the maximum of the likelihood.

    Attributes
    ----------
    name : str
        In a word or two, for a column.
    natural : Natural
    remark : str
        What the reader must know of them, in sentences.
    error : Natural or None
        Where they are the maximum but for noise: the Monte Carlo error of each, from independent runs.
    runs : int
        How many.
    """

    name: str
    natural: Natural
    remark: str
    error: Natural | None = None
    runs: int = 0


class Certified(NamedTuple):
    """A stationary point known to many digits; what that means stands in `comparisons/catalogue/README.md`.

    Attributes
    ----------
    kind : str
        `best`, `local`, `saddle`, `ridge` or `boundary`, as in `comparisons.optima.kinds`.
    log_likelihood : str
    parameters : dict of name -> decimals, one per entry
    natural : Natural
        The same in double precision.
    digits : int
        Significant digits of these numbers.
    how : str
        How they were obtained.
    not_identified : tuple of str
        Parameters whose value there is arbitrary.
    log_posterior : str
        Where there is a prior: what is stationary there.
    """

    kind: str
    log_likelihood: str
    parameters: Mapping[str, tuple[str, ...]]
    natural: Natural
    digits: int
    how: str
    not_identified: tuple[str, ...] = ()
    log_posterior: str = ""

    @property
    def height(self) -> float:
        """Log-likelihood, or log-posterior where there is a prior, in double precision."""
        return float(self.log_posterior or self.log_likelihood)


class Worked(NamedTuple):
    """How a worked example was computed: its stop rule and, for the 2PL, its Newton tolerance."""

    stop: StopRule
    em: EMProblem


def nothing(_: Any) -> dict[str, Any]:
    """Default of the optional hooks: nothing to derive, nothing to draw."""
    return {}


def as_told(counts: Mapping[str, Array]) -> Mapping[str, Array]:
    """Default: every count is told."""
    return counts


# A log-likelihood above the certified one by less than this share of 1 + its size is round-off.
CERTIFICATE_ROUND_OFF = 1e-12


class AuditHooks(NamedTuple):
    """What the audit of an EM needs from a family beyond a cross-check and a model with hooks.

    Attributes
    ----------
    data : dict
        The data as an EM's factory takes them.
    rebind : callable data -> Case
        The same model on other data.
    symmetries : dict of what -> callable natural -> natural
        Changes of the parameters that change nothing; one after another they give all that there are.
    constants : dict of what -> float
        Terms without parameters that a log-likelihood may be without, as the difference that this makes.
    rows : tuple of str
        Which of the data have one entry per row, frequencies apart.
    made : callable (Generator) -> dict of what -> data
        Data that use what the family allows, and the given ones perhaps do not.
    same_data : dict of what -> (data, data)
        Two ways to write down the same data.
    edge_cases : dict of what -> data
    edge_starts : dict of what -> natural
        Awkward starts on the data themselves.
    complete_counts : callable counts by name -> counts by name
        Counts that an EM need not tell, because others imply them, added.
    complete : CompleteData or None
        What PyMC's model says of the complete data, where that is compiled; else `Case.complete_data` builds it.
    steps : bool
        Whether the model names its complete data, so that the steps of an EM can be derived from it.
    mistakes : callable () -> dict of what -> callable (natural, amount) -> natural
        Mistakes that only this family's EM can make, each as one cycle that makes it; the amount counts where the
        words have an `{amount}`.
    """

    data: dict[str, Any]
    rebind: Callable[[dict[str, Any]], "Case"]
    symmetries: dict[str, Callable[[Natural], Natural]]
    same_data: dict[str, tuple[dict[str, Any], dict[str, Any]]]
    edge_cases: dict[str, dict[str, Any]]
    edge_starts: dict[str, Natural]
    constants: Mapping[str, float] = {}
    rows: tuple[str, ...] = ()
    made: Callable[[np.random.Generator], dict[str, dict[str, Any]]] = nothing
    complete_counts: Callable[[Mapping[str, Array]], Mapping[str, Array]] = as_told
    complete: Any = None
    steps: bool = True
    mistakes: Callable[[], Mapping[str, Callable[[Natural, float], Natural]]] = dict


class OfData(NamedTuple):
    """A case as a function of its data.

    Attributes
    ----------
    data : array, table or dict of such
    bind : callable data -> Case
        The same model and EM on other data.
    """

    data: Any
    bind: Callable[[Any], "Case"]


def stop_after(observations: float, units: Any = None, tolerance: float = 1e-11, max_cycles: int = 5_000) -> StopRule:
    """Stop rule of an EM: a small share of a standard error, which shrinks with the root of the observations."""
    share = max(1.0, float(np.sqrt(observations)) / 1e3)
    return StopRule(tolerance=max(tolerance / share, np.finfo(float).eps), max_cycles=max_cycles, units=units)


def no_runaway(_: Natural) -> "tuple[Away, ...]":
    """Default: no parameter can diverge."""
    return ()


def no_alternatives(_: Natural) -> tuple[Alternative, ...]:
    """Default: there is nothing beside the maximum."""
    return ()


def unchanged(natural: Natural) -> Natural:
    """Default: shown as it is."""
    return natural


def unknown(_: Natural) -> None:
    """Default: nothing is known, nothing is drawn."""


def as_given(natural: Natural, _: Natural) -> Natural:
    """Default: no symmetries, nothing to align."""
    return natural


@dataclass(frozen=True)
class Case(WithParameters):
    """One data set under one model, with everything that the cross-check needs of the EM and of PyMC.

    Cases are made by `read_case`, `load_problem` and `bind`, and pickle.

    Attributes
    ----------
    name : str
        Short name, used for folders (`coins`).
    family : str
        Name of the family (`coin-mixture`).
    title : str
    em : EMProblem
        The EM under test, ours or anybody's.
    build_model : callable () -> pymc.Model
        PyMC is imported only when it is called. Where there are audit hooks it takes `hooks=True`, for a model from
        which the steps of an EM are derived; see `pp_models.complete_data`.
    to_em, from_em : callables between `Natural` and the EM's parameters; leading axes are kept.
    draw_start : callable (Generator) -> Natural
        One random start.
    alone : dict of name -> array (J,)
        Where single observations alone would put a component of a mixture. A component without weight is tried there:
        with counts near 10^9 a random start lies thousands of standard deviations from any of them.
    parameters : tuple of Parameter
        Parameters that belong to the same components share an axis.
    with_prior : bool
        EM and PyMC maximise the log-posterior instead of the log-likelihood.
    units : dict of name -> float or array
        Size of a change that matters, in the units of the data (the mean count for a rate); 1 when left out.
        Nothing that is decided depends on the units of the data, because everything is measured in these.
    origin : dict of name -> float or array
        Where a parameter without a natural zero is measured from (the mean of the data for a mean); 0 when left out.
    magnitude : float
        Sum of the sizes of the terms that the log-likelihood adds up, where they are larger than itself.
    start : Natural or None
        Documented start; it is tried first.
    stop : StopRule
        Of the EM.
    align : callable (natural, reference) -> natural
        Undo the model's symmetries (relabelling, reflection), for display only.
    canonical : callable natural -> natural
        The mirror image or labelling in which estimates are shown (positive slopes).
    derive : callable natural -> dict
        Further quantities to report (b = -d / a).
    runaway : callable natural -> tuple of Away
        Parameters that look as if they ran off to infinity, group by group and way by way; see
        `comparisons.optima.diverging`.
    towards_unbounded : tuple of Natural
        Points near an edge from which the likelihood rises without bound, if it does, as the data alone show.
    certificate : callable natural -> str or None
        A reason why this optimum is the global one, where the model offers a test.
    fitted : callable natural -> str or None
        The fitted distribution in words, where a few say it all.
    curves : callable natural -> Curves
    clouds : callable natural -> Clouds
    plane : tuple of str
        Two scalar parameters over which paths of EM are drawn; empty where there are none.
    first_cycle : callable start -> dict of title -> DataFrame
        The E- and M-step of cycle 1 in full, for the report.
    extra_tables : callable natural -> dict of name -> DataFrame
        Tables written beside the report on request (person scores).
    flags : tuple of Flag
        What the data already tell (an item that everyone got right).
    missing_answers : int or None
        How many answers are missing; None where the data are not answers.
    source, settings : str, dict
        Where the data are from; settings to print.
    tables : dict of title -> str
        Under which name the source prints a table of the first cycle.
    published : tuple of Published
    alternatives : callable natural -> tuple of Alternative
        Given the maximum.
    worked : Worked or None
    certified : tuple of Certified
        All known stationary points, where they are certified.
    audit : AuditHooks or None
        Without them an EM of this family cannot be audited step by step.
    of_data : OfData or None
        Where it is given, the rows are also put in another order, and doubled.

    Raises
    ------
    ValueError
        If two axes of one name have different labels.

    Examples
    --------
    >>> from comparisons import load_problem
    >>> case = load_problem("lsat6-common-slope")
    >>> case.shapes
    {'d': (5,), 'a': (1,)}
    >>> case.start is None, case.parameter_names()[:2]
    (False, ['d[item1]', 'd[item2]'])
    """

    name: str
    family: str
    title: str
    em: EMProblem
    build_model: Callable[..., Any]
    to_em: Callable[[Natural], Any]
    from_em: Callable[[Any], Natural]
    draw_start: Callable[[np.random.Generator], Natural]
    parameters: tuple[Parameter, ...]
    with_prior: bool = False
    alone: Mapping[str, Array] = field(default_factory=dict)
    units: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    magnitude: float = 0.0
    start: Natural | None = None
    stop: StopRule = field(default_factory=lambda: StopRule(tolerance=1e-11, max_cycles=5_000))
    align: Callable[[Natural, Natural], Natural] = as_given
    canonical: Callable[[Natural], Natural] = unchanged
    derive: Callable[[Natural], Natural] = nothing
    runaway: Callable[[Natural], tuple[Away, ...]] = no_runaway
    towards_unbounded: tuple[Natural, ...] = ()
    certificate: Callable[[Natural], str | None] = unknown
    fitted: Callable[[Natural], str | None] = unknown
    curves: Callable[[Natural], Curves | None] = unknown
    clouds: Callable[[Natural], Clouds | None] = unknown
    plane: tuple[str, ...] = ()
    first_cycle: Callable[[Natural], "dict[str, pd.DataFrame]"] = nothing
    extra_tables: Callable[[Natural], "dict[str, pd.DataFrame]"] = nothing
    flags: tuple[Flag, ...] = ()
    missing_answers: int | None = None
    source: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    alternatives: Callable[[Natural], tuple[Alternative, ...]] = no_alternatives
    worked: Worked | None = None
    certified: tuple[Certified, ...] = ()
    audit: AuditHooks | None = None
    of_data: OfData | None = None

    def faults(self) -> list[tuple[str, int]]:
        """How somebody else's EM failed so far, in words, and how often; the commonest first."""
        found: Mapping[str, int] = getattr(self.em, "faults", {})
        return Counter(found).most_common()

    def one_cycle(self, natural: Natural) -> Natural:
        """Natural parameters after one cycle of the EM."""
        params = self.to_em(natural)
        return self.from_em(self.em.m_step(self.em.e_step(params).expected_counts, params))

    def __post_init__(self) -> None:
        """Refuse axes of one name with different labels.

        Raises
        ------
        ValueError
        """
        known: dict[str, Axis] = {}
        for axis in axes_of(self.parameters):
            if known.setdefault(axis.name, axis) != axis:
                raise ValueError(f"axis {axis.name!r} has the labels {known[axis.name].labels} and {axis.labels}")

    def parameter_names(self) -> list[str]:
        """Names of the scalar parameters, `a[item1]`, in the order of `flat`."""
        return [name for parameter in self.parameters for name in parameter.names]

    def entry(self, name: str, place: int) -> str:
        """Name of one scalar parameter."""
        return self.by_name[name].names[place]

    def flat(self, natural: Natural) -> Array:
        """Entries of natural parameters as one vector (or, with leading axes, one row per start)."""
        return np.concatenate([parameter.flat(natural[parameter.name]) for parameter in self.parameters], axis=-1)

    def shaped(self, entries: Mapping[str, Any]) -> Natural:
        """Natural parameters of their entries by name."""
        return {name: self.by_name[name].full(row) for name, row in entries.items()}

    def size(self, natural: Natural) -> Array:
        """What a difference of each parameter is measured by: its unit plus its distance from its origin.

        In the order of `flat`.
        """
        return np.asarray(self.unit + np.abs(self.flat(natural) - self.zero))

    @property
    def unit(self) -> Array:
        """Units in the order of `flat`."""
        return self._spread(self.units, 1.0)

    @property
    def zero(self) -> Array:
        """Where each parameter is measured from, in the order of `flat`."""
        return self._spread(self.origin, 0.0)

    def _spread(self, by_name: Mapping[str, Any], otherwise: float) -> Array:
        return self.flat(
            {name: np.broadcast_to(by_name.get(name, otherwise), shape) for name, shape in self.shapes.items()}
        )

    def objective(self, backend: Any = "fast") -> Any:
        """PyMC's model, compiled: a `pp_models.objective.Objective`."""
        from pp_models.objective import Objective

        settings: Any = (self.with_prior, backend, self.units, self.origin, number_of_threads())
        return kept(lambda: Objective(self.build_model(), *settings), self.build_model, "objective", *settings)

    def complete_data(self) -> Any:
        """What PyMC's model says of the complete data: a `pp_models.complete_data.CompleteData`."""
        from pp_models.complete_data import CompleteData
        from pp_models.objective import Objective

        settings: Any = (self.with_prior, "fast", self.units, self.origin)
        return kept(
            lambda: CompleteData(Objective(self.build_model(hooks=True), *settings)),
            self.build_model,
            "complete data",
            *settings,
        )

    def named(self, natural: Natural) -> dict[str, float]:
        """Natural parameters by scalar name."""
        return dict(zip(self.parameter_names(), map(float, self.flat(natural)), strict=True))


def natural_of(case: Case, flat: Array) -> Natural:
    """The inverse of `Case.flat`, leading axes kept."""
    ends = np.cumsum([parameter.size for parameter in case.parameters])
    parts = zip(case.parameters, np.split(flat, ends[:-1], axis=-1), strict=True)
    return {parameter.name: parameter.full(entries) for parameter, entries in parts}


def stack(naturals: list[Natural]) -> Natural:
    """Several parameter sets as one, along a new leading axis."""
    return {name: np.stack([natural[name] for natural in naturals]) for name in naturals[0]}


def take(natural: Natural, index: Any) -> Natural:
    """Entries `index` along the leading axis."""
    return {name: values[index] for name, values in natural.items()}


def each(naturals: Natural) -> Iterator[Natural]:
    """Parameter sets along the leading axis, one by one."""
    return (take(naturals, i) for i in range(len(next(iter(naturals.values())))))
