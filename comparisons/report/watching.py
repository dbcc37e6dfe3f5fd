"""Watching EM converge: the log-likelihood and the parameters over the cycles of one start."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from comparisons.case import Array, Natural, Parameter, take
from comparisons.cross_check.run import CrossCheck
from comparisons.optima.labellings import labelling_of_end, rearranged
from comparisons.report.origin import begins_with_it, named_start
from comparisons.report.page import Picture
from comparisons.report.panels import Panel, panels_of
from comparisons.report.tables import objective_name
from comparisons.writing.plain import one_line
from comparisons.writing.style import EM, MOST_NAMED, colour, drawn, plain_numbers, power_of_ten, short, thinned

# Cycles beyond which the axis of cycles is logarithmic.
MANY_CYCLES = 60
# Panels of parameters side by side, and the inches of a row of them: one row, or several.
MOST_PANELS, ROW, ROW_OF_SEVERAL = 3, 3.3, 2.2
# More panels than this are small ones: so many side by side, inches of a row of them, and sizes of their letters.
MOST_LARGE, MOST_SMALL_PANELS, ROW_OF_SMALL, SMALL_TITLE, SMALL_LABELS = 9, 5, 1.55, 9.0, 8.0
# Characters in a line of their titles.
SMALL_CHARACTERS = 22
# Labels of cycles that have room side by side in a figure, whatever the number of panels.
MOST_LABELS = 16
# The range of values shown is at least this share of the largest: what differs by less is level.
LEAST_RANGE, LEAST_CLIMB = 1e-3, 1e-6


def watching(result: CrossCheck) -> Picture:
    """Figure of the first start: the climb, what is left of it, and every parameter."""
    case = result.case
    where = named_start(case) if begins_with_it(result) else "start 0"
    cycles, status, name = int(result.path.cycles), result.path.status.item(), objective_name(case)
    return Picture(
        "convergence.svg",
        "Convergence of EM",
        f"EM from {where}: {cycles} cycles, status “{status}”. Above, the {name} and its distance from "
        "the highest value on this path (round-off left out). Below, the parameters; diamonds at the right mark where "
        "PyMC ended from the same start.",
        f"{name} of EM and its parameters over {cycles} cycles from {where}.",
        drawn(lambda: _draw_watching(result)),
    )


def _draw_watching(result: CrossCheck) -> Figure:
    case, trace = result.case, result.path.trace
    if trace is None:
        raise TypeError("a path with its trace is expected")
    reported = result.ends.pymc
    path = case.from_em(trace.params)
    arrived = take(result.pymc.natural, 0)
    return framed(
        case.parameters,
        np.asarray(trace.log_likelihood + trace.log_prior),
        # Relabelled or reflected as a whole, as its last point is to lie closest to what is reported.
        rearranged(case, labelling_of_end(case, take(path, -1), reported), path),
        rearranged(case, labelling_of_end(case, arrived, reported), arrived),
        objective_name(case),
    )


def framed(parameters: Sequence[Parameter], height: Array, path: Natural, ended: Natural, objective: str) -> Figure:
    """The climb above, the parameters below: see `comparisons.report.panels`.

    Parameters
    ----------
    parameters : sequence of Parameter
    height : array (cycles + 1,)
        What is maximised, from the start on.
    path : Natural
        With one leading axis, as long as `height`.
    ended : Natural
        Where PyMC ended.
    objective : str
        Name of what is maximised.
    """
    shown = thinned(len(height))
    drawn_panels = panels_of(parameters)
    small = len(drawn_panels) > MOST_LARGE
    across = min(len(drawn_panels), MOST_SMALL_PANELS if small else MOST_PANELS)
    down = -(-len(drawn_panels) // across)
    height_below = ROW if down == 1 else (ROW_OF_SMALL if small else ROW_OF_SEVERAL) * down
    figure = Figure(figsize=(9.2, 2.9 + height_below), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2.9, height_below))
    climb, gap = above.subplots(1, 2)
    climb.plot(shown, height[shown], color=EM, marker="." if len(height) < 30 else "")
    climb.set_title(objective)
    plain_numbers(climb)
    _level(climb, height, LEAST_CLIMB)
    left = np.nanmax(height) - height if np.isfinite(height).any() else np.full(len(height), np.nan)
    left = np.where(left > 1e-14 * (1 + np.abs(height)), left, np.nan)
    gap.plot(shown, left[shown], color=EM, marker="." if len(height) < 30 else "")
    gap.set_title(f"{objective} still to gain")
    if np.isfinite(left).any():
        _logarithmic(gap)
    panels = list(np.ravel(below.subplots(down, across, squeeze=False)))
    for empty in panels[len(drawn_panels) :]:
        empty.remove()
    panels = panels[: len(drawn_panels)]
    by_name = {parameter.name: parameter for parameter in parameters}
    for axes, panel in zip(panels, drawn_panels, strict=True):
        values, end = (by_name[panel.name].flat(natural[panel.name])[..., panel.entries] for natural in (path, ended))
        _draw_path(axes, panel, shown, values[shown], end)
        if small:
            lines = len(panel.entries)
            name = fill(one_line(panel.title), SMALL_CHARACTERS, max_lines=2, placeholder="…")
            axes.set_title(f"{name} ({lines} lines)" if lines > MOST_NAMED else name, fontsize=SMALL_TITLE)
            axes.tick_params(labelsize=SMALL_LABELS)
    for axes, room in ((climb, 2), (gap, 2), *((panel, across) for panel in panels)):
        axes.set_xlabel("cycle")
        _cycle_axis(axes, len(height) - 1, MOST_LABELS // room)
    if small:
        for axes in panels[:-across]:
            axes.set_xlabel("")
    _name_lines(below, panels, [panel.labels for panel in drawn_panels])
    return figure


def _name_lines(figure: SubFigure, panels: list[Axes], labels: list[tuple[str, ...]]) -> None:
    """One legend when the lines of all panels have the same names, else one in the first panel that needs it."""
    kinds = [names for names in dict.fromkeys(labels) if 1 < len(names) <= MOST_NAMED]
    if len(set(labels)) == 1 or (len(panels) > MOST_LARGE and len(kinds) == 1):
        for names in kinds:
            figure.legend(_samples(names), [short(label) for label in names], loc="outside right center")
        return
    for index, (axes, names) in enumerate(zip(panels, labels, strict=True)):
        if names in kinds and (len(panels) <= MOST_LARGE or names not in labels[:index]):
            axes.legend(_samples(names), [short(label) for label in names], loc="best", frameon=True, framealpha=0.7)


def _samples(names: tuple[str, ...]) -> list[Line2D]:
    """A piece of every line, for a legend."""
    return [Line2D([], [], color=colour(i, len(names))) for i in range(len(names))]


def _draw_path(axes: Axes, panel: Panel, cycles: npt.NDArray[np.int64], values: Array, ended: Array) -> None:
    """Trajectories of one panel, and PyMC's endpoints at the right."""
    count = values.shape[1]
    many = count > MOST_NAMED
    colours = [colour(int(component), len(panel.labels)) for component in panel.components]
    for i in range(count):
        style = {"linewidth": 0.7, "alpha": 0.5} if many else {}
        axes.plot(cycles, values[:, i], color=colours[i], rasterized=count * len(cycles) > 20_000, **style)
    axes.scatter(
        np.full(count, cycles[-1]),
        ended,
        s=14 if many else 34,
        marker="D",
        facecolor="white",
        edgecolor=colours,
        zorder=3,
    )
    axes.set_title(f"{short(panel.title)} ({count} lines)" if many else short(panel.title))
    axes.ticklabel_format(axis="y", useOffset=False)
    _level(axes, np.concatenate([values.ravel(), ended]), LEAST_RANGE)


def _level(axes: Axes, values: Array, least: float) -> None:
    """Widen the y axis where the values hardly differ: round-off must not look like a path."""
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return
    middle, half = (known.max() + known.min()) / 2, (known.max() - known.min()) / 2
    wide = least * np.abs(known).max()
    if half < wide:
        axes.set_ylim(middle - wide, middle + wide)


def _cycle_axis(axes: Axes, last: int, most: int) -> None:
    """Cycles from 0; logarithmic when there are many, because EM does most in the first few."""
    if last > MANY_CYCLES:
        axes.set_xscale("symlog", linthresh=1.0, linscale=0.35)
        axes.set_xlim(-0.1, last * 1.25)
        axes.set_xticks([0, *_round_cycles(last, most - 1)])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(-0.03 * max(last, 1), max(last, 1) * 1.05)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def _round_cycles(last: int, most: int) -> list[int]:
    """Round numbers up to `last`, not more than have room: 1, 3, 10, ... or powers of ten, or some of those."""
    powers = [10**k for k in range(len(str(last)))]
    both = [number for power in powers for number in (power, 3 * power) if number <= last]
    if len(both) <= most and last < 10_000:
        return both
    return powers[:: -(-len(powers) // most)]


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_major_formatter(FuncFormatter(power_of_ten))
    axes.yaxis.set_minor_formatter(NullFormatter())
