"""The posterior beside the maximum: NUTS on the same PyMC model, its summary beside both legs' estimates.

A posterior of exchangeable components has one mode per labelling, and one of free slopes has a mirror
image. R-hat then tells that chains sit in different modes, which is no failure of the sampler. So every
chain is aligned with the maximum (`Case.align`), and the messages say which labelling it sits in.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from comparisons import families
from comparisons.case import Array, Case, InputError, natural_of, no_runaway
from comparisons.cross_check.run import CrossCheck
from comparisons.optima.kinds import Kind
from comparisons.optima.labellings import about_labels, listed
from comparisons.writing.style import COLOURS, EM, PYMC, SETTINGS, short
from pp_models import sampling

# Fewest draws per chain from which ArviZ computes R-hat and ESS.
FEWEST_DRAWS = 4
# Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), Bayesian Analysis 16, 667-718.
HIGHEST_R_HAT = 1.01
LOWEST_ESS = 400
# The parameter of an item response model that may grow without end.
SLOPE = "a"
# Entries of a parameter that have room in a figure, one below the other.
MOST_ROWS = 60
# Ends of the intervals in the figure.
INTERVAL = (0.03, 0.97)


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of the posterior with what they say beside the two maxima.

    Attributes
    ----------
    data : InferenceData or DataTree
        ArviZ's own container, whichever the installed ArviZ has.
    summary : DataFrame
        Index: scalar parameter, `a[item1]`. Columns: mean, sd, r_hat, ess_bulk, ess_tail.
    table : DataFrame
        em, em_se, pymc, pymc_se (see `CrossCheck.estimates`) and the columns of `summary`.
    messages : tuple of str
        What the reader must know: labellings, flat priors, divergences, too few draws.
    case : Case
    draws : array (chain, draw, parameter)
        In the order of `Case.parameter_names`.
    """

    data: Any
    summary: pd.DataFrame
    table: pd.DataFrame
    messages: tuple[str, ...]
    case: Case = field(repr=False)
    draws: Array = field(repr=False)

    def save(self, path: str | Path) -> None:
        """Write `data` to a netCDF file, which `arviz.from_netcdf` reads.

        Raises
        ------
        InputError
            If the file cannot be written, or no package that writes netCDF is installed.
        """
        try:
            self.data.to_netcdf(str(path))
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
        except (ImportError, ValueError) as error:
            if isinstance(error, ValueError) and "engine" not in str(error) and "backend" not in str(error):
                raise
            raise InputError(
                f"{path}: writing netCDF needs h5netcdf and h5py: pip install em-crosscheck[netcdf]"
            ) from None

    def figure(self) -> Figure:
        """Interval and mean of every parameter by chain, both maxima marked; one panel per kind of parameter."""
        parameters = self.case.parameters
        rows = min(max(parameter.size for parameter in parameters), MOST_ROWS)
        chains = len(self.draws)
        with rc_context(SETTINGS):
            height = 1.6 + rows * (0.24 + 0.09 * min(chains, 6))
            figure = Figure(figsize=(1.2 + 4.0 * len(parameters), height), layout="constrained")
            panels = figure.subplots(1, len(parameters), squeeze=False)[0]
            first = 0
            for axes, parameter in zip(panels, parameters, strict=True):
                columns = np.arange(first, first + parameter.size)
                first += parameter.size
                columns = columns[self._shown(columns)]
                _forest(axes, self.draws[:, :, columns], self.table.iloc[columns])
                entries = [parameter.labels[column - (first - parameter.size)] for column in columns]
                axes.set_yticks(range(len(entries)), [short(entry) for entry in entries])
                cut = f" (the {len(entries)} of {parameter.size} furthest from the maximum)"
                axes.set_title(f"{parameter.name}{cut if len(entries) < parameter.size else ''}")
            handles, names = panels[0].get_legend_handles_labels()
            figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 6))
        return figure

    def _shown(self, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Places of the entries of one parameter that have room: all, or those furthest from the maximum."""
        if len(columns) <= MOST_ROWS:
            return np.arange(len(columns))
        table = self.table.iloc[columns]
        apart = np.nan_to_num((table["mean"] - table["pymc"]).abs() / table["sd"])
        return np.sort(np.argsort(-apart.to_numpy(), kind="stable")[:MOST_ROWS])


def sample(
    result: CrossCheck,
    *,
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    progress: bool = False,
) -> Posterior:
    """Sample the posterior of the PyMC model of a cross-check.

    Parameters
    ----------
    result : CrossCheck
    seed : int
        The same seed gives the same draws.
    draws, tune, chains : int
        Draws kept and steps of adaptation per chain. Every chain starts at its own jittered point.
    progress : bool
        Let PyMC show its progress bar and its messages.

    Raises
    ------
    InputError
        If the numbers make no sense, or the model cannot be sampled.
    """
    for name, value, least in (("draws", draws, FEWEST_DRAWS), ("tune", tune, 0), ("chains", chains, 1)):
        if value < least:
            raise InputError(f"{name} {value}: expected {least} or more")
    case = result.case
    model = case.build_model()
    coords = {
        f"{parameter.name}_dim_{place}": axis.labels
        for parameter in case.parameters
        for place, axis in enumerate(parameter.axes)
    }
    try:
        data = sampling.sample(
            model, seed=seed, draws=draws, tune=tune, chains=chains, coords=coords, progress=progress
        )
    except sampling.SamplingError as error:
        raise InputError(f"{case.name}: {error}; expected a posterior with a finite density and gradient") from error
    values = case.flat({name: sampling.draws_of(data, name) for name in case.labels})
    every = values.reshape(-1, values.shape[-1])
    summary = pd.DataFrame(
        {"mean": every.mean(axis=0), "sd": every.std(axis=0, ddof=1), **sampling.diagnostics(values)},
        index=pd.Index(case.parameter_names(), name="parameter"),
    )
    maxima = result.estimates.set_index("parameter")[["em", "em_se", "pymc", "pymc_se"]]
    messages = (
        *_about_prior(case, sampling.flat_variables(model), values),
        *_about_ridge(result),
        *about_labels(case, values, result.ends.pymc),
        *_about_sampler(summary, sampling.sampler_warnings(data), values),
    )
    return Posterior(data, summary, maxima.join(summary), messages, case, values)


# ---- messages -------------------------------------------------------------------------------


def _about_prior(case: Case, flat: tuple[str, ...], values: Array) -> list[str]:
    """Whether the posterior may be improper, and which chains show it."""
    if not flat:
        return []
    why = "nothing but the likelihood keeps them from infinity"
    if SLOPE in flat and case.runaway is not no_runaway:
        why = "the likelihood does not fall to 0 everywhere towards infinity (a slope may grow without end)"
    advice = "; give priors to make it so" if _takes_priors(case) else ""
    found = [f"flat priors on {listed(flat)}: the posterior need not be proper, as {why}{advice}"]
    for number, chain in enumerate(values, start=1):
        away = {name: None for group in case.runaway(natural_of(case, chain.mean(axis=0))) for name in group.names}
        if away:
            found.append(f"chain {number} ran off towards infinity in {listed(list(away))}: its draws are of no use")
    return found


def _takes_priors(case: Case) -> bool:
    """Whether the family lets the user give priors: advice that nobody can follow is none."""
    if case.family not in families.names():
        return False
    return any(option.name.endswith("-prior") for option in families.family(case.family).OPTIONS)


def _about_ridge(result: CrossCheck) -> list[str]:
    """Identification is a property of a maximum: of a saddle there is nothing to say here."""
    if not result.not_identified or result.optima[result.ends.optimum].kind is Kind.SADDLE:
        return []
    return [
        f"the data do not identify {listed(result.not_identified)}: the posterior spreads out along the ridge, and "
        "its mean need not be near either side's estimate"
    ]


def _about_sampler(summary: pd.DataFrame, counts: dict[str, int], values: Array) -> list[str]:
    found = []
    total = values.shape[0] * values.shape[1]
    if counts.get("diverging"):
        found.append(f"{counts['diverging']} of {total} draws diverged: the sampler may miss part of the posterior")
    if counts.get("reached_max_treedepth"):
        found.append(f"{counts['reached_max_treedepth']} of {total} trajectories were cut short at the largest length")
    apart = list(summary.index[~(summary["r_hat"] <= HIGHEST_R_HAT)])
    if apart:
        found.append(f"R-hat is above {HIGHEST_R_HAT} or unknown for {listed(apart)}")
    few = list(summary.index[~(summary[["ess_bulk", "ess_tail"]].min(axis=1, skipna=False) >= LOWEST_ESS)])
    if few:
        found.append(f"effective sample size below {LOWEST_ESS} or unknown for {listed(few)}")
    return found


# ---- figure ---------------------------------------------------------------------------------------


def _forest(axes: Axes, values: Array, table: pd.DataFrame) -> None:
    """One row per parameter, in it one line per chain; EM's and PyMC's maximum on the row itself."""
    chains, _, parameters = values.shape
    rows = np.arange(parameters)
    low, high = np.quantile(values, INTERVAL, axis=1)
    middle = values.mean(axis=1)
    for chain in range(chains):
        place = rows + _offset(chain, chains)
        axes.hlines(
            place, low[chain], high[chain], color=_colour(chain), linewidth=1.2, label=f"chain {chain + 1}", zorder=2
        )
        axes.plot(middle[chain], place, "|", color=_colour(chain), markersize=5)
    axes.plot(table["pymc"], rows, "D", markersize=8, mfc="none", mec=PYMC, zorder=4, label="PyMC, maximum")
    axes.plot(table["em"], rows, "o", markersize=4, color=EM, zorder=5, label="EM, maximum")
    # A chain that ran off must not squeeze the others into a line.
    reach = 10 * float(np.median(high - low))
    points = table[["em", "pymc"]].to_numpy()
    seen = np.clip([low.min(), high.max()], np.nanmin(points) - reach, np.nanmax(points) + reach)
    left, right = min(seen[0], np.nanmin(points)), max(seen[1], np.nanmax(points))
    margin = 0.05 * (right - left) or 0.05
    axes.set_xlim(left - margin, right + margin)
    for chain in range(chains):
        place = rows + _offset(chain, chains)
        for beyond, edge, marker in ((high[chain] > right, right, ">"), (low[chain] < left, left, "<")):
            axes.plot(np.full(beyond.sum(), edge), place[beyond], marker, color=_colour(chain), markersize=4)
    axes.set_ylim(parameters - 0.5, -0.5)


def _offset(chain: int, chains: int) -> float:
    """Where in its row a chain is drawn."""
    return 0.0 if chains == 1 else (chain / (chains - 1) - 0.5) * 0.5


def _colour(chain: int) -> str:
    """Colour of a chain; the first two of the palette are EM's and PyMC's."""
    return COLOURS[2:][chain % len(COLOURS[2:])]
