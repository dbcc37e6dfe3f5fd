"""Two columns of numbers as data of a bivariate normal: what has no estimate, and means that are hardly 0."""

import numpy as np

from comparisons.case import Array, Flag, InputError
from comparisons.families._collinear import ON_A_LINE, line_through
from comparisons.families._equal_rows import merged
from comparisons.parsing import Range

# The product of two variances is computed.
SIZE = Range(-1e50, 1e50)
SMALLEST_SPREAD = 1e-50
# Numbers whose spread is a smaller share of their size leave less than half the digits of a double.
SHARE_OF_SIZE = 1e-8
# With complete rows this near to a line, in squares, double precision cannot tell where the maximum is.
NEARLY_ON_A_LINE = 1e-9
# A mean of 0 is doubted when the observed one is this many standard errors away.
FAR = 3.0


def refuse_without_estimate(
    path: str, columns: tuple[str, ...], values: Array, frequencies: Array | None, means_zero: bool
) -> None:
    """Refuse data that have no estimate, or one that double precision cannot tell.

    Raises
    ------
    InputError
    """
    seen = values if frequencies is None else values[frequencies > 0]
    for column, entries in zip(columns, seen.T, strict=True):
        fault = without_variance(entries[~np.isnan(entries)], means_zero)
        if fault:
            raise InputError(f"{path}, column {column!r}: {fault}")
    if not (~np.isnan(seen)).all(axis=1).any():
        raise InputError(f"{path}: no row holds both numbers, expected at least one: else no correlation is seen")
    line = line_through(seen[~np.isnan(seen).any(axis=1)], means_zero)
    if line is not None and line.slope and ON_A_LINE < line.left < NEARLY_ON_A_LINE:
        where = f"{path}, columns {columns[0]!r} and {columns[1]!r}: the complete rows lie on a line but for"
        raise InputError(f"{where} {line.left:.1e} of their squares, expected at least {NEARLY_ON_A_LINE:g}, or none")


def without_variance(entries: Array, means_zero: bool = False) -> str | None:
    """Why a column has no variance that can be estimated, and what was expected."""
    outside = [entry for entry in entries if not SIZE.holds(entry)]
    if outside:
        return f"{outside[0]:g}, expected numbers {SIZE}"
    if means_zero:
        spread = float(np.abs(entries).max(initial=0.0))
        if spread == 0:
            return "expected at least one number other than 0"
    else:
        spread = float(np.ptp(entries)) if len(entries) else 0.0
        if spread == 0:
            return "expected at least two different numbers: else its variance is 0"
        if spread < SHARE_OF_SIZE * np.abs(entries).max():
            return f"differences of {spread:g} between numbers of the size {entries[0]:g}, take a constant off them"
    return None if spread >= SMALLEST_SPREAD else f"differences of {spread:g}, expected some above {SMALLEST_SPREAD:g}"


def far_from_zero(values: Array, columns: tuple[str, ...], frequencies: Array | None) -> tuple[Flag, ...]:
    """A flag that names the columns whose mean is hardly 0."""
    told = []
    for column, entries in zip(columns, values.T, strict=True):
        rows, often = merged(
            entries[~np.isnan(entries), None], None if frequencies is None else frequencies[~np.isnan(entries)]
        )
        count = often.sum()
        mean = often @ rows[:, 0] / count
        squares = often @ (rows[:, 0] - mean) ** 2
        error = np.sqrt(squares / (count - 1) / count) if count > 1 else np.inf
        if abs(mean) > FAR * error:
            told.append(
                f"{column} ({mean:.6g}, {abs(mean) / error:.3g} standard errors)" if error else f"{column} ({mean:.6g})"
            )
    if not told:
        return ()
    means = ", ".join(told)
    return (
        Flag(
            "fixed_mean",
            f"the means are fixed at 0, far from what is seen: {means}; without --means-zero they are estimated",
        ),
    )
