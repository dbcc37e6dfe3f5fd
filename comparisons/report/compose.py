"""Put the report of one result together: what it says, and in which order."""

from typing import Any

from comparisons.cross_check.run import CrossCheck
from comparisons.optima.words import MEANING
from comparisons.report import estimates, figures, tables, worked
from comparisons.report.draws import posterior_section
from comparisons.report.origin import begins_with_it, how_made, named_start
from comparisons.report.page import Block, Column, Page, Points, Section, Table, Text
from comparisons.report.scores import scores_remark
from comparisons.report.summary import versions
from comparisons.writing import numerals
from comparisons.writing.plain import as_sentence, one_line


def compose(result: CrossCheck, posterior: Any = None, *, csv: bool = True, command: str | None = None) -> Page:
    """Return the report of a result.

    Parameters
    ----------
    result : CrossCheck
    posterior : Posterior, optional
        See `comparisons.posterior.sample`.
    csv : bool
        The CSV tables are written too, so long tables may point to them.
    command : str, optional
        The command line that made the result.
    """
    case = result.case

    def short(table: Table, file: str) -> Table:
        return table.shortened(file if csv else None)

    drawn = None if posterior is None else posterior.summary["sd"]
    agreement: list[Block] = [
        short(estimates.agreement(result), "estimates.csv"),
        short(estimates.standard_errors(result, drawn), "estimates.csv"),
    ]
    derived = estimates.derived(result)
    if len(derived):
        agreement.append(short(estimates.derived_table(result, derived), "derived.csv"))
    others = estimates.alternatives(result)
    if others is not None:
        agreement.append(short(others, "alternatives.csv"))
    about_scores = scores_remark(result)
    if about_scores:
        agreement.append(Text(as_sentence(f"Person scores: {about_scores}")))
    agreement += [tables.crosswise(result), tables.checks(result)]
    sections = [
        Section("Optima", (short(tables.optima(result), "optima.csv"), _kinds(result))),
        Section("Agreement", tuple(agreement)),
        Section("Figures", tuple(figures.pictures(result).values())),
        *([posterior_section(result, posterior, csv)] if posterior is not None else []),
        Section("Parameters of the optima", (short(tables.optima_parameters(result), "optima.csv"),)),
        Section("Starts", _starts(result, csv)),
    ]
    example = tuple(
        block.shortened(None) if isinstance(block, Table) else block for block in worked.worked_blocks(result)
    )
    if example:
        sections.append(Section("Worked tables", example))
    made = how_made(result, posterior is not None, command)
    sections.append(Section("Settings, versions, how to regenerate", (*_settings(result), *made)))
    failed = [check for check in result.checks if not check.passed]
    return Page(
        title=one_line(f"{case.name}: {case.title}"),
        verdict=result.verdict,
        sentence=one_line(result.sentence),
        reasons=Points(
            tuple(
                (
                    check.name,
                    f"{one_line(check.detail)} (found {numerals.difference(check.found)}, "
                    f"allowed {numerals.difference(check.allowed)})",
                )
                for check in failed
            )
        ),
        flags=Points(tuple((one_line(flag.code), one_line(flag.message)) for flag in result.flags)),
        sections=tuple(sections),
    )


def _kinds(result: CrossCheck) -> Points:
    """What each kind means, of those that were found."""
    present = {optimum.kind for optimum in result.optima}
    return Points(tuple((str(kind), meaning) for kind, meaning in MEANING.items() if kind in present))


def _starts(result: CrossCheck, csv: bool) -> tuple[Block, ...]:
    first = f"Start 0 is {named_start(result.case)}. " if begins_with_it(result) else ""
    every = "Every start with both endpoints is in starts.csv." if csv else ""
    text = f"{first}{every}".strip()
    return (*((Text(text),) if text else ()), tables.starts(result).shortened("starts.csv" if csv else None))


def _settings(result: CrossCheck) -> tuple[Block, ...]:
    case = result.case
    settings = {
        "model": case.family,
        **case.settings,
        "starts": result.n_starts,
        "seed": result.seed,
        "EM stops when": worked.stop_in_words(case.stop),
    }
    columns = (Column("setting", numeric=False), Column("value", numeric=False))
    return (
        *((Text(one_line(f"Data: {case.source}")),) if case.source else ()),
        Table("Settings", columns, tuple((one_line(name), one_line(value)) for name, value in settings.items())),
        Table(
            "Versions",
            (Column("package", numeric=False), Column("version", numeric=False)),
            tuple((name, found or numerals.MISSING) for name, found in versions().items()),
        ),
    )
