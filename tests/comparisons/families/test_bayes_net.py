"""The family of Bayesian networks: what is read and refused, what is named, and that both sides agree."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from comparisons import InputError, crosscheck, families, load_problem
from comparisons.case import Case
from comparisons.cross_check.alternatives import within_noise
from comparisons.families import bayes_net
from comparisons.optima.kinds import Kind
from comparisons.reading.tables import parse_table
from comparisons.report import estimates

ASIA = Path(__file__).parents[1] / "data" / "asia.bif"
ARROW = "A,B\n1,1\n0,1\n0,\n,0\n"


def read(text: str, **options: object) -> Case:
    settled = families.settle(bayes_net, options)
    return bayes_net.read("case", parse_table(text.encode(), "data.csv"), settled)


def test_the_worked_example_ends_at_the_boundary() -> None:
    result = crosscheck(load_problem("arrow"), 10)
    assert result.verdict == "agree"
    (optimum,) = result.optima
    assert optimum.kind is Kind.BOUNDARY
    assert optimum.judgement.at_edge == ("B[A=1, B=0]", "B[A=1, B=1]")
    assert optimum.log_likelihood == pytest.approx(np.log(27 / 1024), abs=1e-10)
    tables = result.case.first_cycle(result.case.start)
    completed = tables["E-step: completed data with weights"]
    assert completed.columns.tolist() == ["row", "A", "B", "weight"]
    np.testing.assert_allclose(completed["weight"], [1, 1, 0.8, 0.2, 2 / 3, 1 / 3], atol=2e-6)
    after = tables["M-step: parameters after cycle 1"].set_index(["variable", "given", "state"])["probability"]
    np.testing.assert_allclose(
        [after["A", "", "1"], after["B", "A=0", "1"], after["B", "A=1", "1"]], [1 / 3, 0.45, 0.75], atol=2e-6
    )


def test_with_a_prior_all_is_inside_and_both_sides_agree() -> None:
    result = crosscheck(load_problem("arrow-prior"), 10)
    assert result.verdict == "agree"
    assert [optimum.kind for optimum in result.optima] == [Kind.BEST]
    assert result.estimates["digits"].min() > 10


def test_a_hidden_cause_has_three_maxima_and_label_swaps_are_one_optimum() -> None:
    result = crosscheck(load_problem("hidden-cause"), 30)
    assert result.verdict == "agree"
    assert [optimum.kind for optimum in result.optima] == [Kind.BEST, Kind.LOCAL, Kind.LOCAL]
    assert min(len(optimum.members["em"]) for optimum in result.optima) > 2


@pytest.mark.slow
def test_goodmans_estimate_of_colemans_panel() -> None:
    case = load_problem("coleman")
    result = crosscheck(case, 5)
    often = case.em.distinct.frequencies
    # The likelihood ratio against the saturated model, 1.27 on 4 degrees of freedom: Goodman (1974), section 4.
    ratio = 2 * (often @ np.log(often / often.sum()) - result.optima[0].log_likelihood)
    assert round(float(ratio), 2) == 1.27


def test_entries_are_named_by_their_states() -> None:
    case = read("smoke,x-ray\nno,dark\nyes,light\n", network="smoke->x-ray")
    assert case.parameter_names()[2:] == [
        f"x-ray[smoke={s}, x-ray={x}]" for s in ("no", "yes") for x in ("dark", "light")
    ]


def test_a_bif_file_gives_states_and_the_start() -> None:
    header = "asia,tub,smoke,lung,bronc,either,xray,dysp\n"
    case = read(header + "no,no,yes,,no,no,no,yes\nno,,no,no,no,,no,no\n", network=str(ASIA))
    np.testing.assert_allclose(case.start["asia"], [0.01, 0.99])
    # A probability of 0 is moved off the edge, for PyMC works with logits.
    assert 0 < case.start["either"][1, 1, 0] < 1e-5
    flags = {flag.code: flag.message for flag in case.flags}
    assert flags["state_never_seen"] == "in no row: asia=yes, tub=yes, lung=yes, bronc=yes, either=yes, xray=yes"
    assert "no row can have these parents" in flags["no_row"]
    assert "tub given asia=yes" in flags["no_row"]


def test_a_configuration_that_no_row_supports_is_named() -> None:
    case = read("A,B,C\n0,0,0\n0,1,1\n1,0,1\n1,0,0\n", network="A->C, B->C")
    (flag,) = case.flags
    assert flag.code == "no_row"
    assert flag.message.endswith("C given A=1, B=1")
    result = crosscheck(case, 6)
    assert result.verdict == "agree"
    assert set(result.optima[0].judgement.not_identified) == {"C[A=1, B=1, C=0]", "C[A=1, B=1, C=1]"}


def test_rows_without_an_entry_are_counted() -> None:
    case = read("A,B,frequency\n0,0,2\n1,1,1\n,,3\n", network="A->B")
    assert [flag.message for flag in case.flags] == ["3 row(s) without any entry: they say nothing"]


@pytest.mark.parametrize(
    ("text", "options", "fault"),
    [
        (ARROW, {"network": "A->C"}, "data.csv: no column 'C', expected one for each variable of the network, or"),
        (ARROW, {"network": "A->B, B->A"}, "the arrows run in a circle"),
        (ARROW, {"network": "A->B", "latent": "Y:2"}, "--latent Y: no such variable, expected one of: A, B"),
        (ARROW, {"network": "Y->A, Y->B", "latent": "Y"}, "--latent Y: expected NAME:STATES"),
        (ARROW, {"network": "Y->A, Y->B", "latent": "Y:1"}, "--latent Y:1: expected NAME:STATES, 2 to 1000 states"),
        (ARROW, {"network": "A->B", "latent": "A:2"}, "--latent A: data.csv has a column of this name, expected a"),
        (ARROW, {"network": "nowhere.bif"}, "nowhere.bif: cannot be read (No such file or directory), expected a BIF"),
        (ARROW, {"network": "Y->A", "latent": "Y:2, Y:3"}, "--latent Y:3: expected once"),
        ("A,B\n1,1\n1,0\n", {"network": "A->B"}, "data.csv, column 'A': only the state '1', expected at least 2"),
        ("A,B\n1,\n0,\n", {"network": "A->B"}, "column 'B': no state at all, expected some, or no column and --latent"),
        ("A,rows\n1,1\n0,0\n", {"network": "A->rows"}, "--network: a variable called 'rows', expected another name"),
        ("A,B=C\n1,1\n0,0\n", {"network": "A->B=C"}, "--network: a variable called 'B=C', expected another name"),
        ("asia,tub\nmaybe,no\n", {"network": str(ASIA), "latent": "smoke:2,lung:2,bronc:2,either:2,xray:2,dysp:2"},
         "data.csv, row 2, column 'asia': 'maybe', expected one of: yes, no"),
        ("asia,tub\nyes,no\n", {"network": str(ASIA), "latent": "smoke:3"},
         "--latent smoke:3: expected 2 states in the file"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(text: str, options: dict, fault: str) -> None:
    with pytest.raises(InputError) as error:
        read(text, **options)
    assert fault in str(error.value)
    assert "\n" not in str(error.value)


def test_completed_and_imputed_data_are_written_on_request() -> None:
    case = read(ARROW, network="A->B", impute=True)
    assert read(ARROW, network="A->B").extra_tables(load_problem("arrow").start) == {}
    tables = case.extra_tables(load_problem("arrow").start)
    assert sorted(tables) == ["completed", "imputed", "marginals"]
    np.testing.assert_allclose(tables["completed"]["weight"], [1, 1, 0.8, 0.2, 2 / 3, 1 / 3])
    assert tables["imputed"][["A", "B"]].to_numpy().tolist() == [["1", "1"], ["0", "1"], ["0", "0"], ["0", "0"]]
    assert tables["marginals"].values.tolist() == [
        [3, "B", "0", pytest.approx(0.8)], [3, "B", "1", pytest.approx(0.2)],
        [4, "A", "0", pytest.approx(2 / 3)], [4, "A", "1", pytest.approx(1 / 3)],
    ]  # fmt: skip


def test_drawn_data_sets_are_written_on_request() -> None:
    case = read(ARROW, network="A->B", imputations=3, prior=2.0)
    tables = case.extra_tables(load_problem("arrow").start)
    assert sorted(tables) == ["imputations"]
    drawn = tables["imputations"]
    assert drawn.columns.tolist() == ["imputation", "row", "A", "B"]
    assert drawn["imputation"].tolist() == [1] * 4 + [2] * 4 + [3] * 4
    assert drawn.loc[drawn["row"] == 1, ["A", "B"]].to_numpy().tolist() == [["1", "1"]] * 3


def test_sampled_estimates_stand_beside_the_exact_ones_and_are_checked_within_their_error() -> None:
    result = crosscheck(read(ARROW, network="A->B", sampled=True, prior=2.0), 2)
    (sampled,) = result.alternatives
    frame = estimates.alternatives_frame(result)
    assert frame["Monte Carlo error"].between(1e-5, 5e-3).all()
    np.testing.assert_allclose(frame["sampled EM"], frame["em"], atol=0.02)
    check = next(check for check in result.checks if check.name == "sampled EM")
    assert check.passed
    assert check.found == pytest.approx(frame["in these errors"].abs().max())
    # Beyond the noise it is another estimate.
    off = sampled._replace(natural={**sampled.natural, "A": sampled.natural["A"] + [0.05, -0.05]})
    (failed,) = within_noise(result.case, result.ends.em, (off,))
    assert not failed.passed
    assert "A[A=" in failed.detail


def test_more_completions_than_can_be_drawn_from_are_refused() -> None:
    row = ",".join("ABCDEFGHIJKLMNOPQRSTUV")
    text = f"{row}\n{',' * 21}\n{','.join('0' * 22)}\n{','.join('1' * 22)}\n"
    with pytest.raises(InputError, match=r"--imputations 2: the rows have 4.19e\+06 completions, expected at most"):
        read(text, network=row, imputations=2)
    (flag,) = (flag for flag in read(text, network=row, impute=True).flags if flag.code == "completed_left_out")
    assert "completed.csv is not written" in flag.message


def test_a_prior_by_entry() -> None:
    rows = np.array([[1, 1], [0, 1], [0, np.nan], [np.nan, 0]])
    prior = {"B": [[3.0, 1.0], [1.0, 2.0]]}
    case = bayes_net.bind("case", rows, {"A": 2, "B": 2}, {"B": ["A"]}, prior=prior)
    np.testing.assert_array_equal(case.em.prior, [1, 1, 3, 1, 1, 2])
    x = case.objective().free(load_problem("arrow").start)
    expectation = case.em.e_step(case.to_em(load_problem("arrow").start))
    assert case.objective().log_prior(x) == pytest.approx(float(expectation.log_prior), rel=1e-12)
    assert float(expectation.log_prior) == pytest.approx(np.log(3 * 0.8**2 * 2 * 0.6), rel=1e-12)


def test_states_of_latent_variables_alone_are_exchangeable() -> None:
    case = load_problem("coleman")
    rng = np.random.default_rng(0)
    one = case.draw_start(rng)
    swapped = case.audit.symmetries["swapping two states of X"](one)
    assert sorted(case.audit.symmetries) == ["swapping two states of X", "swapping two states of Z"]
    assert np.abs(case.flat(swapped) - case.flat(one)).max() > 0.01
    np.testing.assert_array_equal(case.flat(case.align(swapped, one)), case.flat(one))
    rows = np.array([[np.nan, 0], [np.nan, 1]])
    uneven = bayes_net.bind("case", rows, {"Y": 3, "A": 2}, {"A": ["Y"]}, prior={"Y": [2.0, 1.0, 1.0]})
    assert uneven.audit.symmetries == {}


def test_many_states_are_aligned_by_assignment() -> None:
    rows = np.array([[np.nan, 0, 1], [np.nan, 1, 0]])
    case = bayes_net.bind("case", rows, {"Y": 7, "A": 2, "B": 2}, {"A": ["Y"], "B": ["Y"]})
    one = case.draw_start(np.random.default_rng(1))
    turned = case.audit.symmetries["renaming the states of Y in turn"](one)
    np.testing.assert_array_equal(case.flat(case.align(turned, one)), case.flat(one))


def test_what_is_too_large_is_refused() -> None:
    """Every two of 21 latent variables have a child that is seen: all of them depend on each other."""
    latent = [f"Y{number}" for number in range(21)]
    parents = {f"{one}{other}": (one, other) for one, other in combinations(latent, 2)}
    states = dict.fromkeys([*latent, *parents], 2)
    rows = np.array([[np.nan] * len(latent) + [1.0] * len(parents)])
    with pytest.raises(InputError, match=r"takes tables of 2.1e\+06 cells, expected at most 1048576"):
        bayes_net.bind("case", rows, states, parents)


def test_what_is_too_large_for_the_model_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from pp_models import bayes_net as model

    monkeypatch.setattr(model, "MOST_LISTED", 1)
    monkeypatch.setattr(model, "MOST_CELLS", 1)
    rows = np.array([[np.nan, 1.0], [np.nan, 0.0]])
    case = bayes_net.bind("case", rows, {"Y": 2, "X": 2}, {"X": ("Y",)})
    with pytest.raises(InputError, match="PyMC's model: summing out what one row leaves open takes more than 1 cells"):
        case.build_model()


def test_a_start_that_is_no_table_is_refused() -> None:
    start = load_problem("arrow").start
    assert bayes_net.start_fault(start) is None
    assert "B holds rows that do not add up to 1" in bayes_net.start_fault({**start, "B": start["B"] * 1.1})
    assert replace(load_problem("arrow"), start=start).start is start
