"""What is told of an adjudication, as written cells: the facts, every parameter, every item."""

from comparisons.adjudicate.adjudication import Adjudication
from comparisons.writing.numerals import written

HEADS = ("optimum", "difference", "std. error", "in s.e.", "digits", "outside rounding")


def _number(value: float | None, pattern: str) -> str:
    """A number in plain characters; one of a size that no estimate has, with few digits."""
    large = value is not None and abs(value) >= 1e15
    return written(value, ".6g" if large else pattern, missing="-", infinite="inf")


def heads(result: Adjudication) -> tuple[str, ...]:
    """Heads of the columns of numbers: what each was read as is told where the file's own name does not say it."""
    converted = ("read as", "converted") if result.converted else ("read as",) if result.renamed else ()
    return ("given", *converted, *HEADS)


def rows(result: Adjudication) -> list[tuple[str, ...]]:
    """The table of parameters as written cells."""
    like_the_optimum = f".{min(result.estimates.decimals + 3, 12)}f"
    return [
        (
            str(row["parameter"]),
            str(row["text"]),
            *([str(row["read_as"])] if result.converted or result.renamed else []),
            *([_number(row["converted"], like_the_optimum)] if result.converted else []),
            _number(row["optimum"], like_the_optimum),
            _number(row["difference"], "+.1e"),
            _number(row["se"], ".2g"),
            _number(row["in_se"], ".2g"),
            _number(row["digits"] + 0.0, ".1f"),
            ("by " + _number(row["outside"], ".1e") if row["outside"] > 0 else "")
            if row["determined"]
            else "not determined by the data",
        )
        for row in result.parameters.to_dict("records")
    ]


def group_rows(result: Adjudication) -> list[tuple[str, ...]]:
    """The table of items (or coins) as written cells."""
    what = result.groups.columns[0]
    return [
        (str(row[what]), _number(row["in_se"], ".2g"), _number(row["digits"] + 0.0, ".1f"))
        for row in result.groups.to_dict("records")
    ]


def facts(result: Adjudication) -> list[tuple[str, str]]:
    """What the verdict rests on, as names and values."""
    point, kind = result.point, "log-posterior" if result.case.with_prior else "log-likelihood"
    reading = result.finding.reading
    found = [
        (f"{kind} at the estimates", _height(result)),
        (f"best {kind} found", f"{result.best:.7f} (EM and PyMC, {result.starts} starts each)"),
        ("deficit", "infinite" if point is None else f"{result.best - point.objective:.3g}"),
        ("largest gradient there", "-" if point is None else f"{point.gradient_norm:.3g}"),
        ("distance by Newton's step", _number(result.newton_distance, ".3g") + " standard errors"),
        ("distance (Mahalanobis)", _number(result.mahalanobis, ".3g") + " standard errors" + _so_read(reading.changes)),
        (f"distance by the {kind}", _number(result.distance, ".3g") + " standard errors" + _so_read(reading.changes)),
        ("belongs to", result.owner),
    ]
    if result.finding.held is not None:
        rises = [f"{entry.rise:.6g} per unit of {result.own(entry.name)}" for entry in result.finding.held.rising]
        found.append((f"rise of the {kind} from the edge", "; ".join(rises)))
    if result.finding.allowance is not None:
        change = f"{result.finding.allowance.change:.2g} (tolerance {result.tolerance:g})"
        found.append(("change left in an EM cycle", change))
    return found


def _height(result: Adjudication) -> str:
    if result.impossible is not None:
        return "minus infinity"
    return "not defined" if result.point is None else _number(result.point.objective, ".7f")


def _so_read(changes: tuple[str, ...]) -> str:
    return ", after conversion" if changes else ""


def capital(text: str) -> str:
    """Text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
