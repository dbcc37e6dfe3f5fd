"""Put the report of one result together: what it says, and in which order."""

from typing import Any

import pandas as pd

from comparisons.cross_check.run import CrossCheck
from comparisons.optima.kinds import Kind
from comparisons.report import figures, numerals, tables, worked
from comparisons.report.origin import COMMAND, begins_with_it, how_made, named_start
from comparisons.report.page import Block, Column, Page, Picture, Points, Section, Table, Text
from comparisons.report.scores import scores_remark
from comparisons.report.summary import versions
from comparisons.writing import style
from comparisons.writing.plain import one_line

KINDS = {
    Kind.BEST: "a regular maximum, and the best known one. It is called global only where a certificate says so.",
    Kind.LOCAL: "a regular maximum below the best known one.",
    Kind.SADDLE: (
        "the gradient is zero, but there is a way up, perhaps only at the end of level ground: EM started here stays."
    ),
    Kind.RIDGE: "a maximum along which the likelihood is flat: the data do not identify some parameters.",
    Kind.BOUNDARY: "a maximum with a weight at 0 or a probability at 0 or 1.",
    Kind.DIVERGING: "the likelihood does not fall while some parameter runs off to infinity.",
    Kind.DEGENERATE: "the likelihood itself is unbounded there: no estimate, however high it gets.",
    Kind.NOT_STATIONARY: "no optimum: the gradient is not zero where the side stopped.",
}


def compose(result: CrossCheck, posterior: Any = None, *, csv: bool = True) -> Page:
    """Return the report of a result.

    Parameters
    ----------
    result : CrossCheck
    posterior : Posterior, optional
        See `comparisons.posterior.sample`.
    csv : bool
        The CSV tables are written too, so long tables may point to them.
    """
    case = result.case

    def short(table: Table, file: str) -> Table:
        return table.shortened(file if csv else None)

    agreement: list[Block] = [short(tables.agreement(result), "estimates.csv")]
    derived = tables.derived(result)
    if len(derived):
        agreement.append(short(tables.derived_table(result, derived), "derived.csv"))
    about_scores = scores_remark(result)
    if about_scores:
        agreement.append(Text(_sentence(f"Person scores: {about_scores}")))
    agreement += [tables.crosswise(result), tables.checks(result)]
    sections = [
        Section("Optima", (short(tables.optima(result), "optima.csv"), _kinds(result))),
        Section("Agreement", tuple(agreement)),
        Section("Figures", tuple(figures.pictures(result).values())),
        *([_posterior(result, posterior, csv)] if posterior is not None else []),
        Section("Parameters of the optima", (short(tables.optima_parameters(result), "optima.csv"),)),
        Section("Starts", _starts(result, csv)),
    ]
    example = tuple(
        block.shortened(None) if isinstance(block, Table) else block for block in worked.worked_blocks(result)
    )
    if example:
        sections.append(Section("Worked tables", example))
    sections.append(Section("Settings, versions, how to regenerate", _settings(result, posterior is not None)))
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
    return Points(tuple((str(kind), meaning) for kind, meaning in KINDS.items() if kind in present))


def _starts(result: CrossCheck, csv: bool) -> tuple[Block, ...]:
    first = f"Start 0 is {named_start(result.case)}. " if begins_with_it(result) else ""
    every = "Every start with both endpoints is in starts.csv." if csv else ""
    text = f"{first}{every}".strip()
    return (*((Text(text),) if text else ()), tables.starts(result).shortened("starts.csv" if csv else None))


def posterior_frame(result: CrossCheck, posterior: Any) -> pd.DataFrame:
    """Both maxima with standard errors, beside the posterior's summary."""
    estimates = result.estimates.set_index("parameter")
    ours = estimates[["em", "em_se", "pymc", "pymc_se"]]
    ours = ours.assign(**{se: ours[se].where(estimates["no_se"] == "") for se in ("em_se", "pymc_se")})
    drawn = posterior.summary[["mean", "sd", "r_hat", "ess_bulk", "ess_tail"]]
    return ours.join(drawn, how="left").rename_axis("parameter").reset_index()


def _posterior(result: CrossCheck, posterior: Any, csv: bool) -> Section:
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
        style.png(posterior.figure()),
    )
    messages = tuple(Text(_sentence(message)) for message in posterior.messages)
    return Section(
        "Posterior beside the maximum", (*messages, table.shortened("posterior.csv" if csv else None), picture)
    )


def _sentence(message: str) -> str:
    """A message with a capital letter and a full stop."""
    text = one_line(message).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _settings(result: CrossCheck, with_posterior: bool) -> tuple[Block, ...]:
    case = result.case
    settings = {
        "model": case.family,
        **{name: value for name, value in case.settings.items() if name != COMMAND},
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
        *how_made(result, with_posterior),
    )
