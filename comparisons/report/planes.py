"""Figures in a plane: rows of the data with the outlines of their components, and paths of EM over two parameters."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from comparisons.case import Array, Clouds, take
from comparisons.cross_check.run import CrossCheck
from comparisons.report.origin import begins_with_it, named_start
from comparisons.report.page import Picture
from comparisons.writing.style import COLOURS, EM, MOST_NAMED, MOST_OUTLINES, PYMC, QUIET, colour, drawn, short

# Area of the mark of a row, and of the largest of many equal ones.
MARK, LARGEST_MARK = 16.0, 160.0


def clouds(result: CrossCheck) -> Picture | None:
    """The rows in the colours of the components, and the components' outlines by EM and by PyMC."""
    case = result.case
    ours, theirs = case.clouds(case.align(result.ends.em, result.ends.pymc)), case.clouds(result.ends.pymc)
    if ours is None or theirs is None:
        return None
    pairs = zip(ours.outlines.values(), theirs.outlines.values(), strict=True)
    apart = max(float(np.abs(one - other).max()) for one, other in pairs)
    return Picture(
        "clouds.svg",
        ours.title,
        "Every row in the colours of the components, mixed by their posterior probabilities. Coloured lines: EM, at 1 "
        "and 2 standard deviations. Dashes on top: PyMC. "
        f"EM and PyMC differ by at most {apart:.1e}.",
        f"{ours.title}: {ours.y_label} over {ours.x_label}, with the outlines of the components.",
        drawn(lambda: _draw_clouds(ours, theirs)),
    )


def _draw_clouds(ours: Clouds, theirs: Clouds) -> Figure:
    figure = Figure(figsize=(9.2, 5.4), layout="constrained")
    axes = figure.subplots()
    size = np.minimum(MARK * ours.frequencies, LARGEST_MARK)
    mixed = np.clip(ours.shares @ _rgb(ours.shares.shape[1]), 0.0, 1.0)
    pixels = len(ours.points) > MOST_OUTLINES
    axes.scatter(*ours.points.T, s=size, c=mixed, alpha=0.55, edgecolor="none", rasterized=pixels)
    handles, count = [], len(ours.outlines)
    for i, lines in enumerate(ours.outlines.values()):
        for line in lines:
            (drawn_line,) = axes.plot(*line.T, color=colour(i, count), linewidth=2.4, alpha=0.8)
        handles.append(drawn_line)
    for lines in theirs.outlines.values():
        for line in lines:
            (dashes,) = axes.plot(*line.T, color="black", linestyle=(0, (4, 5)), linewidth=0.9)
    axes.set_xlabel(short(ours.x_label))
    axes.set_ylabel(short(ours.y_label))
    labels = [f"EM, {label}" for label in ours.outlines] if count <= MOST_NAMED else ["EM"]
    figure.legend([*handles[: len(labels)], dashes], [*labels, "PyMC"], loc="outside right upper")
    return figure


def _rgb(count: int) -> Array:
    """Colours of the components as red, green and blue, (count, 3)."""
    from matplotlib.colors import to_rgb

    return np.array([to_rgb(colour(i, count)) for i in range(count)])


def paths(result: CrossCheck) -> Picture | None:
    """Paths of EM from two starts over two parameters, where the case names them."""
    followed = [path for path in (result.path, result.second_path) if path is not None and path.trace is not None]
    if not result.case.plane or len(followed) < 2:
        return None
    x, y = result.case.plane
    first = named_start(result.case) if begins_with_it(result) else "start 0"
    heights = ", ".join(f"{float(path.log_posterior):.8g} after {int(path.cycles)} cycles" for path in followed)
    return Picture(
        "paths.svg",
        "Two starts of EM and their paths",
        f"EM from {first} and from start 1 over {x} and {y}; one dot per cycle, a ring at the end: {heights}. "
        "Diamonds: where PyMC ended from the same starts. The dotted line: both parameters equal.",
        f"Paths of EM from two starts over {x} and {y}.",
        drawn(lambda: _draw_paths(result)),
    )


def _draw_paths(result: CrossCheck) -> Figure:
    case, names = result.case, result.case.parameter_names()
    places = [names.index(name) for name in case.plane]
    figure = Figure(figsize=(9.2, 5.0), layout="constrained")
    axes = figure.subplots()
    handles = []
    for start, (path, shade) in enumerate(zip((result.path, result.second_path), (EM, COLOURS[2]), strict=True)):
        if path is None or path.trace is None:
            continue
        x, y = case.flat(case.from_em(path.trace.params))[:, places].T
        axes.plot(x, y, color=shade, marker=".", markersize=5, linewidth=1.0)
        axes.plot(x[-1], y[-1], color=shade, marker="o", markersize=11, fillstyle="none")
        axes.annotate(f" start {start}", (x[0], y[0]), color=shade, fontsize=9)
        axes.plot(*case.flat(take(result.pymc.natural, start))[places], color=PYMC, marker="D", markersize=6, zorder=4,
                  fillstyle="none", linestyle="")  # fmt: skip
        handles.append(Line2D([], [], color=shade, marker="."))
    axes.axline((0.5 * sum(axes.get_xlim()),) * 2, slope=1.0, color=QUIET, linestyle=":", linewidth=1.0, zorder=1)
    axes.set_xlabel(short(case.plane[0]))
    axes.set_ylabel(short(case.plane[1]))
    handles.append(Line2D([], [], color=PYMC, marker="D", fillstyle="none", linestyle=""))
    labels = [*(f"EM from start {start}" for start in range(len(handles) - 1)), "PyMC"]
    figure.legend(handles, labels, loc="outside right upper")
    return figure
