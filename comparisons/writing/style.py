"""How figures look, and how they become bytes: the same figure gives the same bytes."""

import warnings
from collections.abc import Callable
from io import BytesIO

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from comparisons.writing.plain import one_line

# Okabe and Ito (2008), without yellow and black: told apart with any kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#666666", "#8B4513")
EM, PYMC, QUIET = "#0072B2", "#D55E00", "#999999"
# Lines that still have a legend; beyond it they are drawn alike.
MOST_NAMED = len(COLOURS)
# Markers and lines beyond which a figure holds pixels instead of outlines.
MOST_OUTLINES = 1_500
LONGEST_LABEL = 28
SETTINGS = {
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "lines.linewidth": 1.6,
    "savefig.facecolor": "white",
    # Labels come from the user: a dollar sign in one is a dollar sign.
    "text.parse_math": False,
    "svg.hashsalt": "em-crosscheck",
    "svg.fonttype": "path",
}


def drawn(draw: Callable[[], Figure]) -> bytes:
    """Draw a figure in our style; the bytes of an SVG."""
    # rc_context restores what it changes; the defaults first, whatever the user's own style is.
    with rc_context(), warnings.catch_warnings():
        # A label in a script that the font does not have: boxes in its place, and no warning.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
        from matplotlib import rcdefaults

        rcdefaults()
        with rc_context(SETTINGS):
            buffer = BytesIO()
            draw().savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, dpi=150)
    return buffer.getvalue()


def png(figure: Figure) -> bytes:
    """Bytes of a PNG of a figure that someone else drew."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None}, bbox_inches="tight")
    return buffer.getvalue()


def short(label: object) -> str:
    """A label that fits into a figure. A leading underscore would hide it from the legend."""
    text = one_line(label)
    text = text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
    return f"\u200a{text}" if text.startswith("_") else text


def power_of_ten(value: float, _position: object = None) -> str:
    """Tick label of a logarithmic axis."""
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e") if value else "0"


def plain_numbers(axes: Axes) -> None:
    """Write the numbers of the y axis in full, no offset to be added in one's head."""
    axes.ticklabel_format(axis="y", style="plain", useOffset=False)


def colour(index: int, count: int) -> str:
    """Colour of one of `count` lines."""
    return COLOURS[index] if count <= MOST_NAMED else EM


def thinned(length: int, most: int = 400) -> npt.NDArray[np.int64]:
    """Indices of a long series that a curve on a logarithmic axis needs, the first and last among them."""
    if length <= most:
        return np.arange(length)
    return np.unique(np.concatenate([[0], np.geomspace(1, length - 1, most)]).round().astype(np.int64))
