"""Bivariate normal with estimated or known means: against closed forms and brute force, in all units."""

from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from comparisons import InputError, crosscheck
from comparisons.families import bivariate_normal, family, settle
from comparisons.reading.tables import read_table

NONE = np.nan
COLUMNS = ("x", "y")
PAIRS = np.genfromtxt(Path(__file__).parents[1] / "data" / "pairs.csv", delimiter=",", skip_header=1)


def drawn(seed: int, rows: int = 40) -> np.ndarray:
    """Means of 20 and 45, standard deviations of 2, a correlation of .6; a third of the rows lack an entry."""
    rng = np.random.default_rng(seed)
    values = rng.multivariate_normal([20.0, 45.0], [[4.0, 2.4], [2.4, 4.0]], size=rows)
    values[: rows // 6, 0] = values[rows // 6 : rows // 3, 1] = NONE
    return values


def written(tmp_path: Path, rows: list[tuple[object, ...]], header: str = "x,y") -> Path:
    path = tmp_path / "data.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def read(path: Path, **options: object):
    return bivariate_normal.read("d", read_table(path), settle(family("bivariate-normal"), options))


def flat(result, column: str) -> np.ndarray:
    return result.estimates[column].to_numpy()


@pytest.mark.slow
def test_the_maximum_is_that_of_a_search_without_em_or_pymc():
    values = drawn(2)
    there = ~np.isnan(values)

    def minus_log_likelihood(x):
        mean, log_sd, rho = x[:2], x[2:4], np.tanh(x[4])
        sd = np.exp(log_sd)
        pairs = values[there.all(axis=1)]
        covariance = np.outer(sd, sd) * np.array([[1, rho], [rho, 1]])
        total = stats.multivariate_normal.logpdf(pairs, mean, covariance).sum()
        for column in (0, 1):
            alone = values[there[:, column] & ~there.all(axis=1), column]
            total += stats.norm.logpdf(alone, mean[column], sd[column]).sum()
        return -total

    found = optimize.minimize(minus_log_likelihood, [20, 45, 0.5, 0.5, 0.5], method="BFGS", options={"gtol": 1e-7})
    expected = [*found.x[:2], *np.exp(2 * found.x[2:4]), np.tanh(found.x[4])]
    result = crosscheck(bivariate_normal.bind("d", values, COLUMNS), 4)
    assert (result.verdict, result.flags) == ("agree", ())
    assert list(result.estimates["parameter"]) == [
        "mean[x]", "mean[y]", "variance[x]", "variance[y]", "correlation[x,y]"
    ]  # fmt: skip
    for side in ("em", "pymc"):
        np.testing.assert_allclose(flat(result, side), expected, rtol=1e-6)
    assert result.ends.em_log_likelihood == pytest.approx(-found.fun, rel=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scale", "shift"),
    [(1e6, 0.0), (1.0, 1e6), (1e-6, 0.0), (1e-3, -500.0)],
)
def test_units_and_zero_of_the_data_change_nothing_else(scale, shift):
    values = drawn(4, 24)
    one = crosscheck(bivariate_normal.bind("d", values, COLUMNS), 3)
    other = crosscheck(bivariate_normal.bind("d", values * scale + shift, COLUMNS), 3)
    assert [str(optimum.kind) for optimum in other.optima] == [str(optimum.kind) for optimum in one.optima] == ["best"]
    assert (other.verdict, other.flags) == (one.verdict, one.flags) == ("agree", ())
    by = np.array([scale, scale, scale**2, scale**2, 1.0])
    moved = np.array([shift, shift, 0.0, 0.0, 0.0])
    # The data themselves lose digits when they are moved far.
    digits = max(1e-10, 1e-15 * abs(shift) / scale)
    for side in ("em", "pymc"):
        np.testing.assert_allclose((flat(other, side) - moved) / by, flat(one, side), rtol=digits)
        np.testing.assert_allclose(flat(other, f"{side}_se") / by, flat(one, f"{side}_se"), rtol=1e-7)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_known_means_of_0(scale):
    values = scale * PAIRS[~np.isnan(PAIRS).any(axis=1)]
    result = crosscheck(bivariate_normal.bind("pairs", values, COLUMNS, means_zero=True), 4)
    assert result.verdict == "agree"
    by = np.array([scale**2, scale**2, 1.0])
    rows = values / scale
    variance = (rows**2).mean(axis=0)
    rho = rows.prod(axis=1).mean() / np.sqrt(variance.prod())
    # Closed form of complete data: v sqrt(2 / N) and (1 - rho^2) / sqrt N.
    errors = [*variance * np.sqrt(2 / len(rows)), (1 - rho**2) / np.sqrt(len(rows))]
    for side in ("em", "pymc"):
        np.testing.assert_allclose(flat(result, side) / by, [*variance, rho], rtol=1e-9)
        np.testing.assert_allclose(flat(result, f"{side}_se") / by, errors, rtol=1e-7)


def test_pairs_have_the_values_of_the_findings():
    result = crosscheck(bivariate_normal.bind("pairs", PAIRS, COLUMNS, means_zero=True), 2)
    np.testing.assert_allclose(flat(result, "em"), [3.95706667, 1.29070601, 0.78299416], atol=5e-9)
    np.testing.assert_allclose(flat(result, "pymc_se")[2], 0.0910, atol=5e-5)
    assert result.ends.em_log_likelihood == pytest.approx(-66.63703206, abs=5e-9)


def test_equal_rows_are_one_row_with_a_frequency():
    values = np.array([[1.0, 2.0], [2.0, 1.5], [1.0, 2.0], [0.5, NONE], [3.0, 4.0], [0.5, NONE], [0.0, 0.3]])
    case = bivariate_normal.bind("d", values, COLUMNS)
    objective = case.objective()
    natural = {"mean": np.ones(2), "variance": np.array([1.0, 2.0]), "correlation": np.array([0.3])}
    assert sorted(objective.frequencies) == [1.0, 1.0, 1.0, 2.0, 2.0]
    log_likelihood = objective.log_likelihood(objective.free(natural))
    assert log_likelihood == pytest.approx(float(case.em.e_step(case.to_em(natural)).log_likelihood), rel=1e-14)


def test_a_mean_fixed_far_from_what_is_seen_is_flagged(tmp_path):
    rows = [(x, "" if np.isnan(y) else y) for x, y in drawn(1)[7:]]
    case = read(written(tmp_path, rows), **{"means-zero": True})
    assert [flag.code for flag in case.flags] == ["fixed_mean"]
    mean = np.mean([x for x, _ in rows])
    error = np.std([x for x, _ in rows], ddof=1) / np.sqrt(len(rows))
    assert f"x ({mean:.6g}, {mean / error:.3g} standard errors)" in case.flags[0].message
    assert read(written(tmp_path, rows)).flags == ()
    near = [(x - mean, x) for x, _ in rows]
    assert "y (" in read(written(tmp_path, near), **{"means-zero": True}).flags[0].message
    assert "x (" not in read(written(tmp_path, near), **{"means-zero": True}).flags[0].message


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([(1, 3), (1, 4)], {}, "column 'x': expected at least two different numbers"),
        ([("", 3), ("", 4)], {}, "column 'x': expected at least two different numbers"),
        ([(0, 3), ("", 4)], {"means-zero": True}, "column 'x': expected at least one number other than 0"),
        ([("1e60", 3), (1, 4)], {}, "column 'x': 1e+60, expected numbers from -1e+50 to 1e+50"),
        ([("1e-80", 3), ("2e-80", 4)], {}, "column 'x': differences of 1e-80"),
        ([("1000000000.5", 3), ("1000000001.5", 4)], {}, "take a constant off"),
        ([(1, ""), (2, ""), ("", 3), ("", 4)], {}, "no row holds both numbers"),
    ],
)
def test_data_without_a_variance_are_refused(tmp_path, rows, options, message):
    with pytest.raises(InputError, match=r"data\.csv") as refused:
        read(written(tmp_path, rows), **options)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_start_out_of_range_is_refused():
    start = {"mean": np.array([0.0, 1e60]), "variance": np.ones(2), "correlation": np.zeros(1)}
    assert bivariate_normal.start_fault(start) == "mean holds 1e+60, expected numbers from -1e+50 to 1e+50"
    assert bivariate_normal.start_fault({**start, "mean": np.ones(2)}) is None
