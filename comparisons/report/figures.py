"""The figures: watching EM converge, where the starts ended, and what was fitted."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from comparisons.case import Array, Curves
from comparisons.cross_check.run import CrossCheck
from comparisons.optima.kinds import Kind
from comparisons.optima.starts import Endpoints
from comparisons.report import planes
from comparisons.report.page import Picture
from comparisons.report.tables import objective_name
from comparisons.report.watching import watching
from comparisons.writing.style import EM, MOST_NAMED, MOST_OUTLINES, PYMC, QUIET, colour, drawn, plain_numbers, short

# Values of x beyond which a fitted distribution is drawn without markers.
MANY_VALUES = 60
# More names than this below an axis are written upwards.
FEW_TICKS = 12
# The range of log-likelihoods shown is at least this share of 1 + |log-likelihood|.
LEAST_RANGE = 1e-3
MOST_LEVELS = 6
# Kinds whose height is that of no optimum.
NOT_DRAWN = (Kind.NOT_STATIONARY, Kind.DEGENERATE)
# Starts that are all numbered below their places.
FEW_STARTS = 10


def pictures(result: CrossCheck) -> dict[str, Picture]:
    """All figures that the case allows, by name."""
    found = {"convergence": watching(result), "starts": _starts(result)}
    drawn_if_any = {"curves": _curves(result), "clouds": planes.clouds(result), "paths": planes.paths(result)}
    return found | {name: picture for name, picture in drawn_if_any.items() if picture is not None}


def _starts(result: CrossCheck) -> Picture:
    name = objective_name(result.case)
    runs_there = any(optimum.kind is Kind.DEGENERATE for optimum in result.optima)
    unbounded = ", or on the way to where the likelihood is unbounded" if runs_there else ""
    return Picture(
        "starts.svg",
        f"Final {name} by start",
        "One column per start, in the order of PyMC's endpoints. Dots: EM. Diamonds: PyMC, around the dot where both "
        "ended equally high. Lines: the optima found. Crosses at the bottom: no finite "
        f"endpoint{unbounded}.",
        f"Final {name} of EM and PyMC from {result.n_starts} starts, with the optima as horizontal lines.",
        drawn(lambda: _draw_starts(result)),
    )


def _draw_starts(result: CrossCheck) -> Figure:
    heights = [_heights(result, fit) for fit in (result.em, result.pymc)]
    order = np.lexsort((-np.nan_to_num(heights[0], nan=-np.inf), -np.nan_to_num(heights[1], nan=-np.inf)))
    levels = [(i + 1, optimum) for i, optimum in enumerate(result.optima) if optimum.kind not in NOT_DRAWN]
    known = np.concatenate([*heights, [optimum.objective for _, optimum in levels]])
    known = known[np.isfinite(known)]
    middle, half = (known.max() + known.min()) / 2, (known.max() - known.min()) / 2
    half = max(1.15 * half, LEAST_RANGE * (1 + abs(middle)))
    place = np.arange(1, result.n_starts + 1)
    figure = Figure(figsize=(9.2, 3.9), layout="constrained")
    axes = figure.subplots()
    axes.set_ylim(middle - half, middle + half)
    axes.set_xlim(0.5 - 0.01 * len(place), len(place) + 0.5 + 0.01 * len(place))
    for _, optimum in levels:
        axes.axhline(optimum.objective, color=QUIET, linewidth=1.0, zorder=1)
    for at, text in _level_names([(optimum.objective, f"{i} {optimum.kind}") for i, optimum in levels], half):
        axes.annotate(text, (1.01, at), xycoords=("axes fraction", "data"), va="center", fontsize=9)
    many = len(place) > 60
    pixels = len(place) > MOST_OUTLINES
    for ends, name, look in (
        (heights[1], "PyMC", {"marker": "D", "s": 20 if many else 62, "facecolor": "none", "edgecolor": PYMC}),
        (heights[0], "EM", {"marker": "o", "s": 5 if many else 18, "facecolor": EM, "edgecolor": "none"}),
    ):
        axes.scatter(place, ends[order], label=name, zorder=3, rasterized=pixels, clip_on=False, **look)
        lost = place[~np.isfinite(ends[order])]
        axes.scatter(
            lost, np.full(len(lost), middle - half), marker="x", color=look["edgecolor"] if name == "PyMC" else EM
        )
    axes.set_xlabel("start (sorted)")
    axes.set_ylabel(f"final {objective_name(result.case)}")
    axes.xaxis.set_major_locator(FixedLocator(place) if len(place) <= FEW_STARTS else MaxNLocator(integer=True))
    axes.xaxis.grid(False)
    plain_numbers(axes)
    pymc, em_dots = axes.get_legend_handles_labels()[0]
    figure.legend([em_dots, pymc], ["EM", "PyMC"], loc="outside upper right", ncols=2)
    return figure


def _heights(result: CrossCheck, fit: Endpoints) -> Array:
    """Final heights of one fit; towards where the likelihood is unbounded there is none."""
    heights = np.array(fit.log_likelihood + fit.log_prior if result.case.with_prior else fit.log_likelihood)
    for optimum in result.optima:
        if optimum.kind is Kind.DEGENERATE and result.optima[0].kind is not Kind.DEGENERATE:
            heights[optimum.members[fit.by]] = np.nan
    return heights


def _level_names(levels: list[tuple[float, str]], half: float) -> list[tuple[float, str]]:
    """Names of the lines; those too close to be told apart share one."""
    named: list[tuple[float, str]] = []
    for at, text in levels:
        if named and abs(named[-1][0] - at) < 0.13 * half:
            said = named[-1][1]
            named[-1] = (
                named[-1][0],
                said if said.endswith("…") else f"{said}, {text}" if len(said) < 22 else f"{said} …",
            )
        elif len(named) < MOST_LEVELS:
            named.append((at, text))
    return named


def _curves(result: CrossCheck) -> Picture | None:
    case = result.case
    # The curve of a slope that diverges is a step.
    with np.errstate(over="ignore"):
        ours = case.curves(case.align(result.ends.em, result.ends.pymc))
        theirs = case.curves(result.ends.pymc)
    if ours is None or theirs is None:
        return None
    # Labels may carry the numbers of each fit; the order of the lines is the same.
    pairs = list(zip(ours.lines.values(), theirs.lines.values(), strict=True))
    apart = max(float(np.abs(one - other).max()) for one, other in (pairs[:1] if ours.discrete else pairs))
    marks = (
        "Dots: EM. Diamonds: PyMC. Thin lines: EM's components" if ours.discrete else "Colour: EM. Dashes on top: PyMC"
    )
    observed = " Bars: observed." if ours.observed is not None else ""
    return Picture(
        "curves.svg",
        ours.title,
        f"{marks}.{observed} EM and PyMC differ by at most {apart:.1e}.",
        f"{ours.title}: {ours.y_label} over {ours.x_label}, EM and PyMC in one plot.",
        drawn(lambda: _draw_curves(ours, theirs)),
    )


def _draw_curves(ours: Curves, theirs: Curves) -> Figure:
    figure = Figure(figsize=(9.2, 4.4), layout="constrained")
    axes = figure.subplots()
    draw = _draw_counts if ours.discrete else _draw_lines
    handles, labels = draw(axes, ours, theirs)
    axes.set_xlabel(ours.x_label)
    axes.set_ylabel(ours.y_label)
    if ours.ticks:
        axes.set_xticks(ours.x, list(map(short, ours.ticks)), rotation=90 if len(ours.ticks) > FEW_TICKS else 0)
    figure.legend(handles, labels, loc="outside right upper")
    return figure


def _draw_counts(axes: Axes, ours: Curves, theirs: Curves) -> tuple[list, list[str]]:
    """Observed counts as bars; the first line of EM and of PyMC is the fit, the others are its components."""
    handles, labels = [], []
    if ours.observed is not None:
        handles.append(axes.bar(ours.x, ours.observed, width=0.8, color="#D9D9D9"))
        labels.append("observed")
    (_, one), *parts = ours.lines.items()
    other = next(iter(theirs.lines.values()))
    few = len(ours.x) <= MANY_VALUES
    size = 9 if len(ours.x) <= 25 else 5
    handles += axes.plot(ours.x, one, color=EM, marker="o" if few else "", markersize=size / 2, linewidth=1.2, zorder=3)
    around = {"marker": "D", "markersize": size, "fillstyle": "none", "linestyle": ""} if few else {"linestyle": "--"}
    handles += axes.plot(ours.x, other, color=PYMC, zorder=4, **around)
    labels += ["fitted by EM", "fitted by PyMC"]
    for i, (label, values) in enumerate(parts):
        look = {"color": colour((i + 2) % MOST_NAMED, 1), "linestyle": ("--", ":", "-.")[i % 3]}
        (line,) = axes.plot(ours.x, values, linewidth=1.0, **look)
        if len(parts) <= MOST_NAMED:
            handles.append(line)
            labels.append(label if len(label) < 48 else short(label))
    if few:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=min(len(ours.x), 20)))
    axes.xaxis.grid(False)
    return handles, labels


def _draw_lines(axes: Axes, ours: Curves, theirs: Curves) -> tuple[list, list[str]]:
    """Continuous curves of EM and PyMC, one on top of the other."""
    count = len(ours.lines)
    many = count > MOST_NAMED
    handles, labels = [], []
    if ours.observed is not None:
        handles.append(axes.fill_between(ours.x, ours.observed, color="#D9D9D9", linewidth=0))
        labels.append("observed")
    for i, (label, one) in enumerate(ours.lines.items()):
        wide = {"linewidth": 0.8, "alpha": 0.5} if many else {"linewidth": 3.2, "alpha": 0.65}
        (line,) = axes.plot(ours.x, one, color=colour(i, count), rasterized=count > 40, **wide)
        if not many or i == 0:
            handles.append(line)
            labels.append(f"EM ({count} lines)" if many else short(label))
    for other in theirs.lines.values():
        (dashes,) = axes.plot(
            ours.x, other, color="black", linestyle=(0, (4, 5)), linewidth=0.4 if many else 1.0, rasterized=count > 40
        )
    return [*handles, dashes], [*labels, f"PyMC ({count} lines)" if many else "PyMC"]
