"""The posterior in a report: its summary beside both maxima, and its draws by chain."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from comparisons.case import Array
from comparisons.cross_check.run import CrossCheck
from comparisons.report.page import Column, Picture, Section, Table, Text
from comparisons.writing import numerals, style
from comparisons.writing.plain import as_sentence, one_line
from comparisons.writing.style import COLOURS, EM, PYMC, SETTINGS, short

if TYPE_CHECKING:
    from comparisons.posterior.sample import Posterior

# Entries of a parameter that have room, one below the other.
MOST_ROWS = 60
# Ends of the intervals in the figure.
INTERVAL = (0.03, 0.97)


def posterior_frame(result: CrossCheck, posterior: "Posterior") -> pd.DataFrame:
    """Both maxima with standard errors, beside the posterior's summary."""
    estimates = result.estimates.set_index("parameter")
    ours = estimates[["em", "em_se", "pymc", "pymc_se"]]
    ours = ours.assign(**{se: ours[se].where(estimates["no_se"] == "") for se in ("em_se", "pymc_se")})
    drawn = posterior.summary[["mean", "sd", "r_hat", "ess_bulk", "ess_tail"]]
    return ours.join(drawn, how="left").rename_axis("parameter").reset_index()


def posterior_section(result: CrossCheck, posterior: "Posterior", csv: bool) -> Section:
    """Both maxima beside the posterior: what the reader must know, a table, a figure."""
    formats = {
        "EM": ("em", numerals.estimate),
        "SE (EM)": ("em_se", numerals.standard_error),
        "PyMC": ("pymc", numerals.estimate),
        "SE (PyMC)": ("pymc_se", numerals.standard_error),
        "posterior mean": ("mean", numerals.standard_error),
        "posterior sd": ("sd", numerals.standard_error),
        "R-hat": ("r_hat", numerals.ratio),
        "ESS bulk": ("ess_bulk", numerals.whole),
        "ESS tail": ("ess_tail", numerals.whole),
    }
    rows = tuple(
        (one_line(row["parameter"]), *(write(row[column]) for column, write in formats.values()))
        for row in posterior_frame(result, posterior).to_dict("records")
    )
    table = Table(
        "Maxima with standard errors, and the posterior's mean and sd",
        (Column("parameter", numeric=False), *(Column(title) for title in formats)),
        rows,
    )
    picture = Picture(
        "posterior.png",
        "Posterior",
        "Draws of NUTS from the same PyMC model.",
        "Posterior draws of every parameter.",
        style.png(posterior_figure(posterior)),
    )
    messages = tuple(Text(as_sentence(message)) for message in posterior.messages)
    return Section(
        "Posterior beside the maximum", (*messages, table.shortened("posterior.csv" if csv else None), picture)
    )


def posterior_figure(posterior: "Posterior") -> Figure:
    """Interval and mean of every parameter by chain, both maxima marked; one panel per kind of parameter."""
    parameters = posterior.case.parameters
    rows = min(max(parameter.size for parameter in parameters), MOST_ROWS)
    chains = len(posterior.draws)
    with rc_context(SETTINGS):
        height = 1.6 + rows * (0.24 + 0.09 * min(chains, 6))
        figure = Figure(figsize=(1.2 + 4.0 * len(parameters), height), layout="constrained")
        panels = figure.subplots(1, len(parameters), squeeze=False)[0]
        first = 0
        for axes, parameter in zip(panels, parameters, strict=True):
            shown = _furthest(posterior.table.iloc[first : first + parameter.size])
            _forest(axes, posterior.draws[:, :, first + shown], posterior.table.iloc[first + shown])
            axes.set_yticks(range(len(shown)), [short(parameter.labels[entry]) for entry in shown])
            cut = f" (the {len(shown)} of {parameter.size} furthest from the maximum)"
            axes.set_title(f"{parameter.name}{cut if len(shown) < parameter.size else ''}")
            first += parameter.size
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 6))
    return figure


def _furthest(table: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Places of the entries of one parameter that have room: all, or those furthest from the maximum."""
    apart = np.nan_to_num((table["mean"] - table["pymc"]).abs() / table["sd"])
    return np.sort(np.argsort(-apart, kind="stable")[:MOST_ROWS])


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
