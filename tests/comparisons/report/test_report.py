"""What a report says, and that it says it whatever the labels are."""

import json
import re
from collections import Counter
from dataclasses import dataclass, fields, replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from comparisons.case import Axis, Flag, Parameter
from comparisons.catalogue import load
from comparisons.cross_check.run import CrossCheck, crosscheck
from comparisons.optima.words import MEANING
from comparisons.report import summary, write_report
from comparisons.report.compose import compose
from comparisons.report.page import MOST_ROWS, Column, Page, Picture, Points, Table
from comparisons.report.render import html, markdown
from em_reference.two_pl import TwoPL, TwoPLParams
from pp_models.objective import Objective

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b\\|c",
    "`x` *y* __z__ $\\q{$ ~~v~~",
    "[l](javascript:alert(1))\nsecond <img src=x onerror=alert(1)>",
    "_&amp; &#124; https://evil.example www.evil\u202e.example",
)
SHOWN = tuple(" ".join(label.replace("\u202e", "").split()) for label in HOSTILE)


@dataclass(frozen=True)
class TooSteep(TwoPL):
    """An M-step that overshoots every slope by 2 %."""

    def m_step(self, expected_counts: object, params: object) -> TwoPLParams:
        after = super().m_step(expected_counts, params)
        return after._replace(slope=after.slope * 1.02)


@pytest.fixture(scope="module")
def coins() -> CrossCheck:
    return crosscheck(load("coins"), 6)


@pytest.fixture(scope="module")
def lsat6() -> CrossCheck:
    return crosscheck(load("lsat6"), 2)


@pytest.fixture(scope="module")
def hostile(make_lsat6) -> CrossCheck:
    plain = make_lsat6()
    case = replace(
        plain,
        name="<b>a|b</b>",
        parameters=tuple(Parameter(name, (Axis("item", HOSTILE),)) for name in ("d", "a")),
        source="<i>x</i> | y\n# no heading",
        flags=(Flag("odd|code", HOSTILE[3]),),
        curves=lambda natural: replaced_lines(plain.curves(natural)),
        first_cycle=lambda _: {"E-step": pd.DataFrame({"item": HOSTILE, HOSTILE[1]: np.arange(5.0)})},
    )
    return crosscheck(case, 1)


def replaced_lines(curves):
    return curves._replace(lines=dict(zip(HOSTILE, curves.lines.values(), strict=True)))


@pytest.fixture(scope="module")
def broken(make_lsat6) -> CrossCheck:
    case = make_lsat6()
    parts = {field.name: getattr(case.em, field.name) for field in fields(case.em) if field.init}
    return crosscheck(replace(case, em=TooSteep(**parts)), 1)


@pytest.fixture(scope="module")
def coins_page(coins) -> Page:
    return compose(coins)


@pytest.fixture(scope="module")
def lsat6_page(lsat6) -> Page:
    return compose(lsat6)


@pytest.fixture(scope="module")
def hostile_page(hostile) -> Page:
    return compose(hostile)


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Spare the time that figures take where none is looked at."""
    monkeypatch.setattr("comparisons.report.figures.pictures", lambda _: {})


# --- readers of what was written ---


class Reader(HTMLParser):
    """Tags, attributes and cells of an HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._cell = self._style = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self._cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._cell = self._cell and tag not in ("th", "td")

    def handle_data(self, data):
        self.text += data
        if self._cell:
            self.rows[-1][-1] += data


def rendered(text: str) -> Reader:
    """Markdown as a repository page shows it: CommonMark with tables, bare links and HTML as it is."""
    return Reader(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


def table(page: Page, caption: str) -> Table:
    (found,) = (b for s in page.sections for b in s.blocks if isinstance(b, Table) and b.caption == caption)
    return found


def column(found: Table, title: str) -> list[str]:
    index = [column.title for column in found.columns].index(title)
    return [row[index] for row in found.rows]


# --- what it says ---


def test_order_of_the_report(coins_page, coins):
    page = coins_page
    assert page.sentence == coins.sentence
    assert [section.title for section in page.sections] == [
        "Optima",
        "Agreement",
        "Figures",
        "Parameters of the optima",
        "Starts",
        "Worked tables",
        "Settings, versions, how to regenerate",
    ]
    for text in (rendered(markdown(page)).text, Reader(html(page)).text):
        places = [text.index(coins.sentence), text.index("Flags"), *(text.index(s.title) for s in page.sections)]
        assert places == sorted(places)


def test_agreement_table_marks_what_is_not_identified(coins_page, coins):
    found = table(coins_page, "Estimates by EM and PyMC")
    digits = dict(zip(column(found, "parameter"), column(found, "matching digits"), strict=True))
    assert [name for name, cell in digits.items() if cell == "not identified"] == list(coins.not_identified)
    assert float(digits["bias[coin2]"]) >= 8
    assert "other values fit exactly as well" in found.note
    assert column(found, "EM")[3] == f"{coins.estimates['em'][3]:#.8g}"
    assert not found.alarms


def test_derived_quantities_of_both_sides(lsat6_page, lsat6):
    found = table(lsat6_page, "Derived quantities")
    d, a = lsat6.ends.pymc["d"], lsat6.ends.pymc["a"]
    assert column(found, "quantity") == [f"b[item{i}]" for i in range(1, 6)]
    assert [float(cell) for cell in column(found, "PyMC")] == pytest.approx(list(-d / a), rel=1e-7)
    assert column(found, "EM") == column(found, "PyMC")


def test_optima_say_how_they_are_known(coins_page, lsat6_page):
    (remark,) = column(table(coins_page, "Where 6 starts ended"), "remark")
    assert "global maximum. Lindsay (1983)" in remark
    assert "remark" not in [head.title for head in table(lsat6_page, "Where 2 starts ended").columns]


def test_no_optimum_says_where_pymc_goes_on_to_and_an_unreached_one_that_no_start_ended_there(coins, undrawn):
    optimum = coins.optima[0]
    nobody = {by: np.array([], dtype=np.int64) for by in ("em", "pymc")}
    kinds = [replace(optimum.judgement, kind=kind) for kind in MEANING]
    best, *_, unsettled = kinds
    altered = replace(
        coins,
        optima=[
            replace(optimum, judgement=best, members=nobody, certificate=None),
            replace(optimum, judgement=unsettled, leads_to=0, certificate=None),
        ],
    )
    page = compose(altered)
    remarks = column(table(page, "Where 6 starts ended"), "remark")
    assert "no start ended here" in remarks[0]
    assert remarks[1] == "continued from here PyMC reaches optimum 1"
    (kinds_said,) = (b for s in page.sections if s.title == "Optima" for b in s.blocks if isinstance(b, Points))
    assert [kind for kind, _ in kinds_said.items] == ["best", "not stationary"]


def test_with_a_prior_the_optima_are_as_high_as_the_log_posterior(make_coins, undrawn):
    result = crosscheck(make_coins(np.array([5.0, 9, 8, 4, 7]), 2, weight_prior=2.0, bias_prior=(2.0, 2.0)), 3)
    best = result.optima[0]
    assert best.objective != pytest.approx(best.log_likelihood, abs=1e-3)
    heights = column(table(compose(result), "Where 3 starts ended"), "log-posterior")
    assert float(heights[0]) == pytest.approx(best.objective, abs=1e-6)
    assert result.ends.pymc_log_likelihood == pytest.approx(best.log_likelihood, abs=1e-6)


def test_starts_are_counted_by_where_they_ended(coins_page, coins, undrawn):
    page = coins_page
    found = table(page, "Starts by where they ended and why they stopped")
    rows = list(zip(*(column(found, name) for name in ("fit", "status", "starts", "largest effort")), strict=True))
    expected = [
        (side, status, str(int((fit.status == status).sum())), str(fit.effort[fit.status == status].max()))
        for side, fit in (("EM", coins.em), ("PyMC", coins.pymc))
        for status in set(fit.status)
    ]
    assert sorted(rows) == sorted(expected)
    assert "starts.csv" in markdown(page)
    assert "starts.csv" not in markdown(compose(coins, csv=False))


@pytest.mark.parametrize(
    ("caption", "key", "first"),
    [
        ("E-step: posterior probability of each coin (table 6.1)", "table_6_1_posteriors", 2),
        ("E-step: expected number of sequences (table 6.2)", "table_6_2_expected_outcome_counts", 2),
    ],
)
def test_worked_tables_of_the_coins(coins_page, caption, key, first):
    golden = json.loads((GOLDEN / "coins.json").read_text())
    cells = [[float(cell) for cell in row[first:]] for row in table(coins_page, caption).rows]
    skip = 2 if "posteriors" in key else 1
    assert np.array(cells) == pytest.approx(np.array([row[skip:] for row in golden[key]["rows"]]), abs=6e-8)


def test_worked_parameters_of_the_coins(coins_page):
    golden = json.loads((GOLDEN / "coins.json").read_text())
    (_, *sequences), (_, *heads), _ = table(coins_page, "E-step: expected counts (heads: table 6.3)").rows
    assert [float(cell) for cell in sequences] == pytest.approx(golden["expected_component_counts"], abs=6e-8)
    assert [float(cell) for cell in heads] == pytest.approx(golden["table_6_3_expected_heads"], abs=6e-6)
    (_, *weights), (_, *biases) = table(coins_page, "M-step: parameters after cycle 1 (bias: table 6.4)").rows
    assert [float(cell) for cell in weights] == pytest.approx(golden["weights_after_cycle_1"], abs=6e-8)
    assert [float(cell) for cell in biases] == pytest.approx(golden["table_6_4_phi_after_cycle_1"], abs=6e-8)


def test_worked_cycle_of_lsat6_has_the_tolerance_of_the_worked_example(lsat6_page):
    golden = json.loads((GOLDEN / "lsat6.json").read_text())
    page = lsat6_page
    posteriors = table(page, "E-step: posterior of each pattern over the nodes")
    by_pattern = {row[0]: [float(cell) for cell in row[1:]] for row in posteriors.rows}
    for pattern, marginal in golden["marginal_probabilities"].items():
        assert by_pattern[pattern][1] == pytest.approx(marginal, abs=1.1e-7)
    nodes = [float(head.title) for head in posteriors.columns[3:]]
    at_node = dict(zip(nodes, by_pattern["10101"][2:], strict=True))
    printed = {row[0]: row[4] for row in golden["pattern_22"]["rows"] if row[4] is not None}
    assert len(printed) > 5
    assert {node: at_node[node] for node in printed} == pytest.approx(printed, abs=6e-5)
    artificial = [[float(cell) for cell in row[1:]] for row in table(page, "E-step: artificial data").rows]
    expected = [row[1:] for row in golden["artificial_data_cycle_1"]["rows"]]
    assert np.array(artificial) == pytest.approx(np.array(expected), abs=0.051)
    after = [[float(cell) for cell in row[1:]] for row in table(page, "M-step: parameters after cycle 1").rows]
    assert np.round(after, 4).tolist() == [row[1:] for row in golden["after_cycle_1"]["rows"]]


def test_worked_stop_rule_beside_published_and_converged(lsat6_page):
    golden = json.loads((GOLDEN / "lsat6.json").read_text())
    page = lsat6_page
    found = table(page, "Estimates of the EM beside published ones")
    assert [head.title for head in found.columns] == ["parameter", "after 44 cycles", "published [1]", "converged"]
    ours = dict(zip(column(found, "parameter"), column(found, "after 44 cycles"), strict=True))
    for item, d, a, b in golden["final"]["rows"]:
        assert [round(float(ours[f"{name}[item{item}]"]), 4) for name in "dab"] == [d, a, b]
    printed = dict(zip(column(found, "parameter"), column(found, "published [1]"), strict=True))
    assert printed["a[item1]"] == "0.825"
    assert printed["b[item5]"] == "-3.123"
    assert printed["d[item1]"] == "–"  # noqa: RUF001
    assert "ends with status 'converged' after 44 cycles" in html(page).replace("&#39;", "'")
    values = np.array([float(ours[name]) - float(cell) for name, cell in printed.items() if cell[-1].isdigit()])
    same = int((np.abs(values) < 5e-4).sum())
    assert f"{same} of 10 equal it to the last printed digit" in markdown(page)


def test_how_to_regenerate(coins_page, coins, undrawn):
    assert "\nem-crosscheck run coins --starts 6 --seed 0\n" in markdown(coins_page)
    text = markdown(compose(coins, command="em-crosscheck compare X ``` Y"))
    assert "````\nem-crosscheck compare X ``` Y\n````\n" in text


# --- where it is from ---


@pytest.mark.parametrize("name", ["coins", "lsat6"])
def test_a_report_is_a_function_of_its_result(name, request, monkeypatch, tmp_path):
    result = request.getfixturevalue(name)
    write_report(result, tmp_path / "free")

    def runs(*_: object, **__: object) -> None:
        raise AssertionError("a report runs something")

    others = [] if result.case.worked is None else [result.case.worked.em]
    for problem in {type(problem) for problem in (result.case.em, *others)}:
        monkeypatch.setattr(problem, "e_step", runs)
        monkeypatch.setattr(problem, "m_step", runs)
    for entry in ("__init__", "free", "natural", "value_and_gradient", "hessian", "fingerprint", "log_likelihood"):
        monkeypatch.setattr(Objective, entry, runs)
    write_report(replace(result, case=replace(result.case, build_model=runs)), tmp_path / "blocked")
    free, blocked = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "free", tmp_path / "blocked")
    )
    assert free == blocked
    assert Path("figures/convergence.svg") in free


# --- disagreement ---


def test_disagreement_cannot_be_missed(broken, undrawn):
    page = compose(broken)
    assert page.verdict == "disagree"
    failed = [check.name for check in broken.checks if not check.passed]
    assert failed
    assert [name for name, _ in page.reasons.items] == failed
    text = markdown(page)
    assert "> ❌ **DISAGREE.**" in text
    assert "✅" not in text
    reader = Reader(html(page))
    assert "DISAGREE" in reader.text[: reader.text.index("Flags")]
    assert ("div", {"class": "verdict disagree", "role": "note"}) in reader.attributes
    estimates = table(page, "Estimates by EM and PyMC")
    assert estimates.alarms == set(range(10))
    checks = table(page, "What was compared, what was found and what is allowed")
    assert [checks.rows[row][0] for row in sorted(checks.alarms)] == failed
    bold = [row for row in text.splitlines() if row.startswith("| **") and row.endswith("**NO** |")]
    assert len(bold) == len(failed)


def test_agreement_raises_no_alarm(coins_page):
    page = coins_page
    assert not page.reasons.items
    assert "❌" not in markdown(page)
    assert 'class="alarm"' not in html(page)


# --- hostile labels ---


def test_html_shows_labels_and_does_not_obey_them(hostile_page):
    text = html(hostile_page)
    reader = Reader(text)
    assert not {"script", "b", "i"} & set(reader.tags)
    assert not [tag for tag, attributes in reader.attributes if any(name.startswith("on") for name in attributes)]
    assert {f"d[{label}]" for label in SHOWN} <= {row[0] for row in reader.rows}


def test_markdown_shows_labels_and_does_not_obey_them(hostile_page):
    page = hostile_page
    text = markdown(page)
    reader = rendered(text)
    assert not {"script", "b", "i", "a", "em", "s", "del"} & set(reader.tags)
    assert [tag for tag, _ in reader.attributes if tag == "img"] == ["img"] * 3
    assert {f"d[{label}]" for label in SHOWN} <= {row[0] for row in reader.rows}
    assert not re.search(r"(https?|javascript):|www\.|\$", text.replace("javascript:alert", ""))
    assert "no heading" not in [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]


def test_markdown_tables_are_whole(hostile_page):
    page = hostile_page
    tables = [block for section in page.sections for block in section.blocks if isinstance(block, Table)]
    expected = [tuple(head.title for head in found.columns) for found in tables]
    rows = [tuple(row) for row in rendered(markdown(page)).rows]
    for found, heads in zip(tables, expected, strict=True):
        assert heads in rows
        assert set(found.rows) <= set(rows)
    assert len(rows) == sum(1 + len(found.rows) for found in tables)


def test_figures_take_any_label(hostile_page, coins_page):
    for picture in hostile_page.pictures:
        assert b"<script" not in picture.data
        assert picture.data.lstrip().startswith(b"<?xml")
    assert [picture.file for picture in coins_page.pictures] == ["convergence.svg", "starts.svg", "curves.svg"]


# --- HTML ---


def test_html_is_one_file_and_accessible(coins_page):
    text = html(coins_page)
    reader = Reader(text)
    assert ("html", {"lang": "en"}) in reader.attributes
    images = [attributes for tag, attributes in reader.attributes if tag == "img"]
    assert len(images) == 3
    assert all(image["src"].startswith("data:image/svg+xml;base64,") and image["alt"] for image in images)
    assert all(attributes["scope"] in ("col", "row") for tag, attributes in reader.attributes if tag == "th")
    assert not {"link", "script", "iframe"} & set(reader.tags)
    assert not re.search(r"""(src|href)=(?!"data:)|url\(|@import""", text)
    assert reader.tags["table"] == len([1 for tag, a in reader.attributes if a.get("class") == "scroll"])


# --- long tables, posterior ---


def test_long_tables_say_that_they_are_cut():
    long = Table("t", (Column("x"),), tuple((str(i),) for i in range(70)), alarms=frozenset({3, 60}))
    cut = long.shortened("t.csv")
    assert len(cut.rows) == MOST_ROWS
    assert cut.note == "The first 50 of 70 rows are shown; all of them are in t.csv."
    assert cut.alarms == {3}
    assert "csv" not in long.shortened(None).note
    assert cut.shortened("t.csv") is cut


def posterior_of(result: CrossCheck) -> SimpleNamespace:
    names = result.estimates["parameter"][::-1]
    values = {"mean": 1.25, "sd": 0.5, "r_hat": 1.0123, "ess_bulk": 812.4, "ess_tail": np.nan}
    summary_frame = pd.DataFrame({key: np.full(len(names), value) for key, value in values.items()}, index=names)
    summary_frame.loc["bias[coin3]", "mean"] = 0.75
    return SimpleNamespace(
        case=result.case,
        summary=summary_frame,
        table=result.estimates.set_index("parameter").join(summary_frame),
        messages=("chains sit in different | labellings",),
        draws=np.random.default_rng(0).uniform(size=(2, 10, len(names))),
    )


def test_posterior_stands_beside_the_maximum(coins, tmp_path, undrawn):
    posterior = posterior_of(coins)
    page = compose(coins, posterior)
    found = table(page, "Maxima with standard errors, and the posterior's mean and sd")
    assert column(found, "parameter") == list(coins.estimates["parameter"])
    assert column(found, "posterior mean") == ["1.2500"] * 5 + ["0.75000"]
    assert found.rows[0][-3:] == ("1.0123", "812", "–")  # noqa: RUF001
    assert "\nChains sit in different &#124; labellings.\n" in markdown(page)
    assert "em-crosscheck run coins --starts 6 --seed 0 --posterior" in markdown(page)
    (picture,) = (p for p in page.pictures if isinstance(p, Picture) and p.file == "posterior.png")
    assert picture.data.startswith(b"\x89PNG")
    write_report(coins, tmp_path / "coins", posterior=posterior)
    assert (tmp_path / "coins/figures/posterior.png").exists()
    table_written = pd.read_csv(tmp_path / "coins/posterior.csv", index_col="parameter")
    assert table_written.loc["bias[coin3]", "mean"] == 0.75


# --- summary.json ---


def test_summary_has_the_keys_of_the_issue(coins):
    found = summary(coins)
    assert list(found) == [
        "problem",
        "verdict",
        "flags",
        "n_starts",
        "seed",
        "versions",
        "em",
        "pymc",
        "agreement",
        "optima",
    ]
    assert list(found["em"]) == ["log_likelihood", "parameters", "status", "cycles"]
    assert list(found["pymc"]) == ["log_likelihood", "parameters", "status", "gradient_norm"]
    assert list(found["agreement"]) == [
        "log_likelihood_difference",
        "max_abs_difference",
        "min_matching_digits",
        "not_identified",
    ]
    for optimum in found["optima"]:
        assert list(optimum) == ["kind", "log_likelihood", "em_starts", "pymc_starts", "parameters"]
    assert found["flags"][0].keys() == {"code", "message"}
    assert (found["problem"], found["verdict"], found["n_starts"], found["seed"]) == ("coins", "agree", 6, 0)
    assert found["versions"]["pymc"]
    assert list(found["em"]["parameters"]) == coins.case.parameter_names()
    assert found["agreement"]["max_abs_difference"] == coins.identified["difference"].max() < 1e-8
    assert found["agreement"]["not_identified"] == list(coins.not_identified)
    assert found["optima"][0]["em_starts"] == found["optima"][0]["pymc_starts"] == 6


def test_summary_has_the_numbers_of_the_result(make_coins):
    """Three starts that end apart, and two sides that can be told from one another."""
    heads = np.array([18.0, 17, 10, 11, 2, 1])
    starts = {
        "weight": np.full((3, 2), 0.5),
        "bias": np.array([[0.075, 0.7], [0.3, 0.87], [0.08, 0.69]]),
    }
    result = crosscheck(make_coins(heads, 2, flips=20.0), starts=starts)
    pymc = replace(result.pymc, natural={**result.pymc.natural})
    moved = [replace(result.optima[0], members={**result.optima[0].members, "pymc": np.array([0])}), *result.optima[1:]]
    estimates = result.estimates.assign(pymc=result.estimates["pymc"] + 0.25, digits=[4.0, 3.0, 5.0, 6.0])
    found = summary(replace(result, pymc=pymc, optima=moved, estimates=estimates))
    assert [(o["kind"], o["em_starts"], o["pymc_starts"]) for o in found["optima"]] == [("best", 2, 1), ("local", 1, 1)]
    assert [o["log_likelihood"] for o in found["optima"]] == [o.log_likelihood for o in result.optima]
    assert found["agreement"]["min_matching_digits"] == 3.0
    ends = result.ends
    difference = ends.em_log_likelihood - ends.pymc_log_likelihood
    assert found["agreement"]["log_likelihood_difference"] == difference
    assert found["em"]["cycles"] == ends.em_cycles > 0
    assert list(found["pymc"]["parameters"].values()) == estimates["pymc"].tolist()
    assert list(found["em"]["parameters"].values()) == estimates["em"].tolist()


def test_summary_keeps_all_digits_and_is_strict(coins):
    estimates = coins.estimates.assign(em=[np.nan, np.inf, -np.inf, *coins.estimates["em"][3:]])
    from comparisons.report.summary import summary_text

    text = summary_text(replace(coins, estimates=estimates, gradient_norm=np.inf))
    found = json.loads(text, parse_constant=lambda word: pytest.fail(word))
    assert list(found["em"]["parameters"].values())[:3] == [None] * 3
    assert found["em"]["parameters"]["bias[coin1]"] == coins.estimates["em"][3]
    assert found["pymc"]["gradient_norm"] is None
