"""Watching EM converge: the log-likelihood and the parameters over the cycles of one start."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from comparisons.case import Array, Case, Natural, take
from comparisons.harness import CrossCheck
from comparisons.labellings import labelling_of_end, rearranged
from comparisons.report.origin import begins_with_it, named_start
from comparisons.report.page import Picture
from comparisons.report.style import EM, MOST_NAMED, colour, drawn, plain_numbers, power_of_ten, short, thinned
from comparisons.report.tables import objective_name
from em_reference.em import Fit, em

# Cycles beyond which the axis of cycles is logarithmic.
MANY_CYCLES = 60


def watching(result: CrossCheck) -> Picture:
    """Figure of the first start: the climb, what is left of it, and every parameter."""
    case = result.case
    start = take(result.starts, 0)
    where = named_start(case) if begins_with_it(result) else "start 0"
    fit = em(case.em, case.to_em(start), case.stop, trace=True)
    cycles, name = int(fit.cycles), objective_name(case)
    return Picture(
        "convergence.svg",
        "Watching EM converge",
        f"EM from {where}: {cycles} cycles, status “{fit.status.item()}”. Above, the {name} and what is left to its "
        "highest value on this path (round-off left out). Below, the parameters; diamonds at the right mark where "
        "PyMC ended from the same start.",
        f"{name} of EM and its parameters over {cycles} cycles from {where}.",
        drawn(lambda: _draw_watching(result, fit)),
    )


def _draw_watching(result: CrossCheck, fit: Fit) -> Figure:
    case = result.case
    if fit.trace is None:
        raise TypeError("a fit with a trace is expected")
    height = np.asarray(fit.trace.log_likelihood + fit.trace.log_prior)
    shown = thinned(len(height))
    path = _aligned(case, case.from_em(fit.trace.params), result.ends.pymc)
    figure = Figure(figsize=(9.2, 6.2), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.0, 1.15))
    climb, gap = above.subplots(1, 2)
    climb.plot(shown, height[shown], color=EM, marker="." if len(height) < 30 else "")
    climb.set_title(objective_name(case))
    plain_numbers(climb)
    left = np.nanmax(height) - height if np.isfinite(height).any() else np.full(len(height), np.nan)
    left = np.where(left > 1e-14 * (1 + np.abs(height)), left, np.nan)
    gap.plot(shown, left[shown], color=EM, marker="." if len(height) < 30 else "")
    gap.set_title(f"{objective_name(case)} still to gain")
    if np.isfinite(left).any():
        _logarithmic(gap)
    panels = np.atleast_1d(below.subplots(1, len(case.labels)))
    arrived = take(result.pymc.natural, 0)
    ended = rearranged(case, labelling_of_end(case, arrived, result.ends.pymc), arrived)
    for axes, name in zip(panels, case.labels, strict=True):
        _draw_path(axes, name, shown, path[name][shown], ended[name])
    for axes in (climb, gap, *panels):
        axes.set_xlabel("cycle")
        _cycle_axis(axes, len(height) - 1)
    labels = next(iter(case.labels.values()))
    if len(labels) <= MOST_NAMED and all(other == labels for other in case.labels.values()):
        handles = [Line2D([], [], color=colour(i, len(labels))) for i in range(len(labels))]
        below.legend(handles, [short(label) for label in labels], loc="outside right center")
    return figure


def _aligned(case: Case, path: Natural, reference: Natural) -> Natural:
    """A whole path, relabelled or reflected as its last point is to lie closest to the reference."""
    return rearranged(case, labelling_of_end(case, take(path, -1), reference), path)


def _draw_path(axes: Axes, name: str, cycles: npt.NDArray[np.int64], values: Array, ended: Array) -> None:
    """Trajectories of one parameter, and PyMC's endpoints at the right."""
    count = values.shape[1]
    many = count > MOST_NAMED
    for i in range(count):
        style = {"linewidth": 0.7, "alpha": 0.5} if many else {}
        axes.plot(cycles, values[:, i], color=colour(i, count), rasterized=count * len(cycles) > 20_000, **style)
    edges = [colour(i, count) for i in range(count)]
    axes.scatter(
        np.full(count, cycles[-1]),
        ended,
        s=14 if many else 34,
        marker="D",
        facecolor="white",
        edgecolor=edges,
        zorder=3,
    )
    axes.set_title(f"{short(name)} ({count} lines)" if many else short(name))


def _cycle_axis(axes: Axes, last: int) -> None:
    """Cycles from 0; logarithmic when there are many, because EM does most in the first few."""
    if last > MANY_CYCLES:
        axes.set_xscale("symlog", linthresh=1.0, linscale=0.35)
        axes.set_xlim(-0.1, last * 1.25)
        axes.set_xticks([0, *(step * 10**k for k in range(6) for step in (1, 3) if step * 10**k <= last)])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(-0.03 * max(last, 1), max(last, 1) * 1.05)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_major_formatter(FuncFormatter(power_of_ten))
    axes.yaxis.set_minor_formatter(NullFormatter())
