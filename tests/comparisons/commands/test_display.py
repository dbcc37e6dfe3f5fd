"""What a reader sees first, under which labels, and in which words."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from comparisons import families
from comparisons.case import Case, Parameter, take
from comparisons.catalogue import load
from comparisons.commands import batch, terminal
from comparisons.commands.main import main
from comparisons.cross_check.checks import Check
from comparisons.cross_check.run import CrossCheck, crosscheck
from comparisons.cross_check.verdict import Verdict
from comparisons.families import common_slope, poisson_mixture, two_pl
from comparisons.optima.kinds import Kind
from comparisons.optima.labellings import labelling, rearranged
from comparisons.optima.words import IN_WORDS, MEANING
from comparisons.posterior.sample import _about_prior, _about_ridge
from comparisons.reading.tables import parse_table
from comparisons.report import estimates as estimates_of
from comparisons.report import scores_remark, summary, watching, write_index, write_report
from comparisons.report.compose import compose
from comparisons.report.page import BADGES, Page, Table
from comparisons.report.render import html, markdown
from em_reference.em import em
from em_reference.quadrature import equally_spaced

FEW = np.array([5.0, 9, 8, 4, 7])
EQUAL = {"weight": np.full((1, 2), 0.5), "bias": np.full((1, 2), 0.5)}
ICONS = {"agree": "✅", "agree elsewhere": "⚠️", "undecided": "⚠️", "disagree": "❌"}


@pytest.fixture(scope="module")
def at_saddle(make_coins) -> CrossCheck:
    return crosscheck(make_coins(FEW, 2), starts=EQUAL)


@pytest.fixture(scope="module")
def at_best(make_coins) -> CrossCheck:
    return crosscheck(make_coins(FEW, 2), 3)


@pytest.fixture(scope="module")
def by_verdict(at_best, at_saddle) -> dict[str, CrossCheck]:
    """One result per verdict."""
    failed = Check("estimates", 1.0, 1e-4, False, "bias[coin1] is 1 by EM and 2 by PyMC")
    return {
        "agree": at_best,
        "agree elsewhere": at_saddle,
        "undecided": replace(at_best, checks=(*at_best.checks, failed._replace(undecided=True))),
        "disagree": replace(at_best, checks=(*at_best.checks, failed)),
    }


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Spare the time that figures take where none is looked at."""
    monkeypatch.setattr("comparisons.report.figures.pictures", lambda _: {})


# --- three states: verdict, colour, exit status ---


@pytest.mark.parametrize(("verdict", "statuses"), [("agree", (0, 0)), ("agree elsewhere", (0, 1)),
                                                   ("undecided", (0, 1)), ("disagree", (1, 1))])  # fmt: skip
def test_every_verdict_is_shown_and_has_its_status(by_verdict, verdict, statuses, tmp_path, undrawn):
    result = by_verdict[verdict]
    assert result.verdict == verdict
    page = compose(result)
    badge = BADGES[Verdict(verdict)]
    assert f"> {ICONS[verdict]} **{badge.word.upper()}.** " in markdown(page)
    assert f'class="verdict {badge.css_class}"' in html(page)
    title = re.search(r"<title>(.*)</title>", html(page)).group(1)
    assert title.startswith("coins") == (verdict == "agree")
    assert title.upper().startswith(badge.word.upper()) == (verdict != "agree")
    assert f".{badge.css_class}" in html(page)
    assert summary(result)["verdict"] == verdict
    write_report(result, tmp_path / "one", ("json",))
    write_index(tmp_path)
    line = next(line for line in (tmp_path / "README.md").read_text().splitlines() if "[coins]" in line)
    assert ICONS[verdict] in line
    assert badge.word.upper() in line.upper()
    plans = [batch.Plan(1, 0, tmp_path, (), False, strict=strict) for strict in (False, True)]
    assert tuple(plan.status_of(result.verdict) for plan in plans) == statuses
    assert verdict in terminal.VERDICT_STYLE


def test_a_saddle_is_amber_and_fails_only_when_strict(tmp_path):
    data = tmp_path / "heads.csv"
    data.write_text("heads\n5\n9\n8\n4\n7\n")
    command = ["compare", "coin-mixture", str(data), "--coins", "2", "--flips", "10", "--starts", "1",
               "--start", "weight=.5,.5;bias=.5,.5", "--format", "md,html,json", "--out", str(tmp_path)]  # fmt: skip
    loose, strict = (CliRunner().invoke(main, [*command, *more]) for more in ((), ("--strict",)))
    assert (loose.exit_code, strict.exit_code) == (0, 1)
    parts = ["Not the best optimum found, but a saddle: a higher maximum (", "higher_maximum: ", "Where 1 start ended",
             "log-likelihood  ", "weight[coin1] "]  # fmt: skip
    places = [loose.stdout.index(part) for part in parts]
    assert places == sorted(places)
    assert loose.stdout.splitlines()[1].startswith(parts[0])
    text = (tmp_path / "heads-coin-mixture" / "report.md").read_text()
    assert "✅" not in text
    assert "AGREE ELSEWHERE" in (tmp_path / "heads-coin-mixture" / "report.html").read_text()
    # The command is the one that gives these numbers again; strictness is no part of them.
    assert "--strict" not in text


def test_strict_takes_the_worst_of_several_problems(tmp_path, monkeypatch, by_verdict):
    results = iter([by_verdict["agree"], by_verdict["agree elsewhere"]] * 2)
    monkeypatch.setattr("comparisons.cross_check.run.crosscheck", lambda *_, **__: next(results))
    command = ["run", "coins", "two-coins", "--format", "json", "--out", str(tmp_path)]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert CliRunner().invoke(main, [*command, "--strict"]).exit_code == 1


@pytest.mark.parametrize("command", [["run"], ["compare", "two-pl"]])
def test_help_names_strict(command):
    assert "--strict" in CliRunner().invoke(main, [*command, "--help"]).stdout
    assert "--strict" in CliRunner().invoke(main, ["--help"]).stdout


# --- order: sentence, flags, optima, estimates ---


def test_order_everywhere(at_saddle, undrawn):
    page = compose(at_saddle)
    flag = "higher_maximum"
    name = "weight[coin1]"
    orders = {
        "notebook": (at_saddle._repr_html_(), ["Not the best", flag, "saddle</td>", name + "</td>"]),
        "html": (html(page), ["Not the best", flag, "Where 1 start ended", name + "</th>"]),
        "markdown": (markdown(page), ["Not the best", "higher\\_maximum", "Where 1 start ended", "| weight\\[coin1"]),
    }
    for where, (text, expected) in orders.items():
        places = [text.index(part) for part in expected]
        assert places == sorted(places), where


def test_notebook_escapes_what_the_user_named(at_best):
    odd = replace(at_best, case=replace(at_best.case, name="<script>x</script>"))
    assert "<script" not in odd._repr_html_()


# --- checks ---


def test_details_are_shown_of_passed_checks_too(at_best, undrawn):
    found = next(
        b for s in compose(at_best).sections for b in s.blocks if isinstance(b, Table) and "compared" in b.caption
    )
    words = [row[1] for row in found.rows]
    assert words == [" ".join(check.detail.split()) for check in at_best.checks]
    assert {row[-1] for row in found.rows} == {"yes"}


# --- labels ---


@pytest.fixture(scope="module")
def swapped(make_coins) -> CrossCheck:
    """From mirrored starts the coins end in either labelling."""
    starts = {"weight": np.array([[0.3, 0.7], [0.7, 0.3]]), "bias": np.array([[0.1, 0.8], [0.8, 0.1]])}
    return crosscheck(make_coins(np.array([1.0, 1, 2, 9, 8, 8]), 2), starts=starts)


def mirrored_items(family: str) -> CrossCheck:
    """Starts that are mirror images of one another, so that the slopes end with either sign."""
    rng = np.random.default_rng(4)
    ability = rng.normal(size=200)
    d = np.array([-0.5, 0.0, 0.7, 1.0])
    answers = (rng.random((200, 4)) < 1 / (1 + np.exp(-(d + 1.3 * ability[:, None])))).astype(float)
    items = tuple("abcd")
    if family == "two-pl":
        case, slopes = two_pl.bind("items", answers, items), 4
    else:
        case, slopes = common_slope.bind("items", answers, items, None, *equally_spaced()), 1
    starts = {"d": np.zeros((2, 4)), "a": np.stack([-np.ones(slopes), np.ones(slopes)])}
    return crosscheck(case, starts=starts)


def ends_of(result: CrossCheck, by: str) -> np.ndarray:
    table = result.starts_table()
    return table[[f"{by} {name}" for name in result.case.parameter_names()]].to_numpy()


@pytest.mark.parametrize("which", ["coins", "two-pl", "common-slope"])
def test_endpoints_have_the_labels_and_signs_of_the_estimates(swapped, which):
    result = swapped if which == "coins" else mirrored_items(which)
    raw = result.case.flat(result.em.natural)
    assert np.abs(raw[0] - raw[1]).max() > 0.1, "the starts must lead to different labellings"
    for by, column in (("em", "em"), ("pymc", "pymc")):
        for end in ends_of(result, by):
            np.testing.assert_allclose(end, result.estimates[column], rtol=1e-4)
    table = result.starts_table()
    starts = table[[f"start {name}" for name in result.case.parameter_names()]].to_numpy()
    np.testing.assert_array_equal(starts[0], starts[1])


@pytest.mark.parametrize("which", ["coins", "two-pl", "common-slope"])
def test_the_convergence_figure_has_the_labels_of_the_estimates(swapped, which, monkeypatch):
    result = swapped if which == "coins" else mirrored_items(which)
    start = 0 if np.abs(result.case.flat(result.em.natural)[0] - result.estimates["em"]).max() > 0.1 else 1
    first = {name: values[start : start + 1] for name, values in result.starts.items()}
    theirs = replace(result.pymc, natural={name: values[start:] for name, values in result.pymc.natural.items()})
    drawn: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    monkeypatch.setattr(
        watching, "_draw_path", lambda _, panel, __, values, ended: drawn.update({panel.name: (values[-1], ended)})
    )
    case = result.case
    path = em(case.em, case.to_em(take(first, 0)), case.stop, trace=True)
    watching.watching(replace(result, starts=first, pymc=theirs, path=path))
    for position in (0, 1):
        shown = np.concatenate([drawn[name][position] for name in result.case.labels])
        np.testing.assert_allclose(shown, result.estimates["em"], rtol=1e-4)


def test_a_start_without_finite_end_is_left_as_drawn(swapped):
    lost = {name: np.where(np.arange(2)[:, None] == 1, np.nan, values) for name, values in swapped.em.natural.items()}
    table = replace(swapped, em=replace(swapped.em, natural=lost)).starts_table()
    names = swapped.case.parameter_names()
    np.testing.assert_array_equal(
        table.loc[1, [f"start {name}" for name in names]], swapped.case.flat(swapped.starts)[1]
    )
    assert table.loc[1, [f"em {name}" for name in names]].isna().all()


@pytest.mark.parametrize("seed", range(4))
def test_rearranging_does_what_alignment_did_even_with_equal_entries(make_coins, seed):
    """Of four coins two are alike: weight and bias still move together, and none is lost."""
    rng = np.random.default_rng(seed)
    case = make_coins(np.array([1.0, 3, 5, 7, 9]), 4)
    reference = {"weight": np.array([0.1, 0.2, 0.3, 0.4]), "bias": np.array([0.2, 0.2, 0.5, 0.9])}
    order = rng.permutation(4)
    natural = {name: values[order] for name, values in reference.items()}
    natural["weight"] = np.full(4, 0.25)
    aligned = case.align(natural, reference)
    found = labelling(case, natural, reference)
    assert sorted(found[0]) == [1, 2, 3, 4]
    assert found[0] == found[1]
    for name, values in rearranged(case, found, natural).items():
        np.testing.assert_array_equal(values, aligned[name])


# --- sentences ---


def test_a_user_start_is_not_the_documented_one(at_best, undrawn):
    case = replace(at_best.case, start={name: values[0] for name, values in at_best.starts.items()})
    text = markdown(compose(replace(at_best, case=case)))
    assert "Start 0 is the given start." in text
    assert "documented" not in text
    documented = markdown(compose(crosscheck(load("two-coins"), 1)))
    assert "Start 0 is the documented start." in documented


@pytest.mark.parametrize("name", ["gm", "coins"])
def test_a_case_made_in_python_names_no_command(at_best, name, undrawn):
    """Not even when it has the name of a problem of the catalogue."""
    text = markdown(compose(replace(at_best, case=replace(at_best.case, name=name))))
    assert "em-crosscheck run" not in text
    assert "crosscheck(case, n_starts=3, seed=0)" in text


def test_starts_of_ones_own_cannot_be_drawn_again(at_saddle, undrawn):
    assert "crosscheck(case, starts=...)" in markdown(compose(at_saddle))
    problem = replace(at_saddle, case=load("two-coins"))
    assert "em-crosscheck run" not in markdown(compose(problem))


def simulated(items: int, family: str = "two-pl") -> CrossCheck:
    rng = np.random.default_rng(items)
    ability = rng.normal(size=300)
    answers = (rng.random((300, items)) < 1 / (1 + np.exp(-(rng.normal(size=items) + ability[:, None])))).astype(float)
    names = tuple(f"item{i + 1}" for i in range(items))
    if family == "two-pl":
        return crosscheck(two_pl.bind("many", answers, names), 1)
    return crosscheck(common_slope.bind("many", answers, names, None, *equally_spaced(21)), 1)


@pytest.fixture(scope="module")
def long_common() -> CrossCheck:
    return simulated(20, "common-slope")


def test_few_parameters_are_always_shown(long_common):
    """The common slope stands beside 20 intercepts, though it differs least."""
    result = replace(long_common, estimates=long_common.estimates.assign(in_se=np.r_[np.arange(20.0) + 1, 0.0]))
    shown, note = terminal._shown(result)
    assert len(shown) == terminal.MOST_ROWS
    assert list(shown["parameter"]) == [*(f"d[item{i}]" for i in range(10, 21)), "a[all]"]
    assert note == "12 of 21 parameters are shown: a[all], the 11 that differ most"


def test_a_shortened_table_of_a_report_keeps_the_common_slope(long_common, monkeypatch):
    monkeypatch.setattr("comparisons.report.page.MOST_ROWS", 10)
    cut = estimates_of.agreement(long_common).shortened("estimates.csv")
    assert [row[0] for row in cut.rows] == [*(f"d[item{i}]" for i in range(1, 10)), "a[all]"]
    assert cut.note == "10 of 21 rows are shown; all of them are in estimates.csv."
    assert cut.shortened("estimates.csv") is cut


def test_what_is_not_identified_is_shown_first_and_counted(long_common):
    known = np.ones(21, dtype=bool)
    known[[3, 8]] = False
    estimates = long_common.estimates.assign(in_se=np.r_[np.arange(20.0) + 1, 0.0], identified=known)
    shown, note = terminal._shown(replace(long_common, estimates=estimates))
    assert {"d[item4]", "d[item9]", "a[all]", "d[item20]"} <= set(shown["parameter"])
    assert note == "12 of 21 parameters are shown: a[all], 2 of 2 not identified, the 9 that differ most"


def read_items(content: str, **given: object) -> Case:
    return two_pl.read("x", parse_table(content.encode(), "x.csv"), families.settle(two_pl, given))


def test_items_left_out_are_one_flag_and_the_title_counts_both():
    head = "a,b,c,all1,all2,none1,empty1\n"
    case = read_items(head + "1,0,1,1,1,0,\n0,1,1,1,1,0,\n1,1,0,1,1,0,\n0,0,1,1,1,0,\n")
    assert case.title == "3 of 7 items, 4 examinees"
    (flag,) = case.flags
    assert flag.code == "diverging"
    assert flag.message == (
        "every examinee got all1, all2 right: their d diverge to +infinity, their a are not identified; "
        "no examinee got none1 right: d[none1] diverges to -infinity, a[none1] is not identified; "
        "no examinee answered empty1: d[empty1] and a[empty1] are not identified; "
        "the other items are estimated without them"
    )
    assert read_items("a,b\n1,0\n0,1\n").title == "2 items, 2 examinees"


def test_infinite_scores_are_counted_in_examinees(tmp_path, undrawn):
    content = "a,b,c,frequency\n1,1,1,4\n0,0,0,3\n1,0,1,9\n0,1,1,7\n1,1,0,8\n0,0,1,6\n1,0,0,5\n"
    result = crosscheck(read_items(content, scores="mle", **{"slope-prior": "lognormal,0,0.5"}), 1)
    said = scores_remark(result)
    assert said.startswith(
        "the MLE is +infinity for 4 of 42 examinees (all answers right, or wrong where the slope is negative"
    )
    assert "is -infinity for 3 of 42 examinees" in said
    assert "+infinity for 4 of 42" in markdown(compose(result))
    other = crosscheck(read_items(content, scores="eap", **{"slope-prior": "lognormal,0,0.5"}), 1)
    assert scores_remark(other) is None


# --- the posterior's advice ---


def test_advice_about_slopes_is_given_where_there_are_slopes(lsat6_case):
    values = np.zeros((0, 10, 10))
    (said,) = _about_prior(lsat6_case, ("d", "a"), values)
    assert "a slope may grow without limit" in said
    assert said.endswith("; give priors to make it so")
    rates = poisson_mixture.bind("p", np.array([0.0, 1, 5]), 2)
    (said,) = _about_prior(rates, ("rate",), values)
    assert said.startswith("flat priors on rate: the posterior need not be proper")
    assert "slope" not in said
    assert "give priors" not in said


def test_nothing_at_a_saddle_is_called_not_identified(at_saddle, undrawn):
    named = replace(at_saddle, not_identified=("weight[coin1]",))
    assert named.optima[named.ends.optimum].kind is Kind.SADDLE
    assert _about_ridge(named) == []
    estimates = at_saddle.estimates.assign(identified=False, no_se="flat there")
    result = replace(at_saddle, estimates=estimates)
    assert "not identified" not in estimates_of.agreement(result).note.lower()
    note = estimates_of.standard_errors(result).note
    assert note == "No standard error: flat there (weight[coin1], weight[coin2], bias[coin1] and bias[coin2])."


def test_reasons_for_no_standard_error_are_in_the_note(at_best):
    assert "No standard error" not in estimates_of.standard_errors(at_best).note
    estimates = at_best.estimates.assign(no_se=["", "at the edge", "", "diverging"])
    found = estimates_of.standard_errors(replace(at_best, estimates=estimates))
    assert [row[1:] for row in found.rows if row[0] in ("weight[coin2]", "bias[coin2]")] == [("–",) * 3] * 2  # noqa: RUF001
    assert "–" not in found.rows[0]  # noqa: RUF001
    assert "No standard error: at the edge (weight[coin2]); diverging (bias[coin2])." in found.note


def test_standard_errors_stand_beside_each_other(at_best):
    drawn = pd.Series([0.5], index=["bias[coin2]"])
    found = estimates_of.standard_errors(at_best, drawn)
    assert [column.title for column in found.columns] == [
        "parameter", "EM, Oakes", "EM, Louis", "PyMC, Hessian", "posterior sd",
    ]  # fmt: skip
    assert all(row[1] == row[2] == row[3] for row in found.rows)
    assert [row[4] for row in found.rows] == ["–", "–", "–", "0.50000"]  # noqa: RUF001
    # An EM of one's own may have neither.
    bare = replace(at_best, estimates=at_best.estimates.assign(em_se=np.nan, louis_se=np.nan))
    assert [column.title for column in estimates_of.standard_errors(bare).columns] == ["parameter", "PyMC, Hessian"]


def test_degenerate_has_a_meaning_and_its_parameters_a_word(at_best, undrawn):
    assert set(MEANING) == set(IN_WORDS) == set(Kind)
    top = at_best.optima[0]
    judgement = replace(top.judgement, kind=Kind.DEGENERATE, diverging=("bias[coin1]",))
    estimates = at_best.estimates.assign(identified=at_best.estimates["parameter"] != "bias[coin1]")
    result = replace(at_best, optima=[replace(top, judgement=judgement)], estimates=estimates)
    page: Page = compose(result)
    assert page.badge.css_class == "elsewhere"
    assert "the likelihood itself is unbounded there: no estimate, however high it is" in markdown(page)
    found = estimates_of.agreement(result)
    assert [row[5] for row in found.rows if row[0] == "bias[coin1]"] == ["unbounded"]
    assert "Unbounded: the likelihood increases without limit" in found.note


# --- the convergence figure ---


@pytest.mark.parametrize("names", [1, 2, 20])
@pytest.mark.parametrize("cycles", [40, 4_000, 200_000])
def test_labels_of_cycles_do_not_overlap(names, cycles):
    """As many panels as a model of many scalar parameters has, over few and over very many cycles."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from comparisons.writing.style import SETTINGS

    path = {f"p{k}": np.linspace(0, 1, cycles + 1)[:, None] for k in range(names)}
    parameters = [Parameter(name) for name in path]
    with rc_context(SETTINGS):
        figure = watching.framed(
            parameters, np.linspace(-10, -1, cycles + 1), path, {name: np.ones(1) for name in path}, "x"
        )
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        for axes in figure.axes:
            shown = [text for text in axes.get_xticklabels() if text.get_text()]
            boxes = sorted((t.get_window_extent(canvas.get_renderer()) for t in shown), key=lambda box: box.x0)
            inside = [box for box in boxes if axes.bbox.x0 - 5 <= (box.x0 + box.x1) / 2 <= axes.bbox.x1 + 5]
            assert len(inside) >= 3
            assert all(one.x1 < next_.x0 for one, next_ in pairwise(inside))
