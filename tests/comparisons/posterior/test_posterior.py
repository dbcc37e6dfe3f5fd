"""Draws of the posterior: right where it is known in closed form, and plain about what they cannot say."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import beta, binom

from comparisons.case import Axis, InputError, Parameter
from comparisons.cross_check.run import crosscheck
from comparisons.optima.labellings import about_labels
from comparisons.posterior.sample import Posterior, _about_ridge, _about_sampler, sample
from comparisons.report.draws import posterior_figure
from pp_models import sampling

EQUAL = np.array([0.5, 0.5])
# Of this seed's four jittered starts, two lie in either labelling, on every PyMC.
SEED = 5


@pytest.fixture(scope="module")
def separated(make_coins):
    """Two coins so different that a chain stays in its labelling."""
    return crosscheck(make_coins(np.array([1.0, 2, 9, 8, 1, 9]), 2, fixed_weight=EQUAL), 4)


@pytest.fixture(scope="module")
def posterior(separated):
    return sample(separated, seed=SEED, draws=60, tune=60)


@pytest.fixture(scope="module")
def slopes(lsat6_case):
    """LSAT-6 with flat slopes, few draws."""
    return sample(crosscheck(lsat6_case, 2), seed=1, draws=30, tune=80)


def test_two_coins_by_quadrature(posterior):
    """The lower of two exchangeable biases has a known mean: two-dimensional quadrature of the posterior."""
    grid = (np.arange(400) + 0.5) / 400
    density = np.ones((400, 400))
    for heads in (1, 2, 9, 8, 1, 9):
        one = binom.pmf(heads, 10, grid)
        density *= (one[:, None] + one) / 2
    density /= density.sum()
    lower = np.minimum(grid[:, None], grid)
    mean = (density * lower).sum()
    sd = np.sqrt((density * (lower - mean) ** 2).sum())
    drawn = posterior.draws.min(axis=2)
    assert abs(drawn.mean() - mean) < 4 * sd / np.sqrt(60)
    assert drawn.std() == pytest.approx(sd, rel=0.4)


@pytest.mark.slow
def test_one_coin_has_the_beta_posterior(make_coins):
    case = make_coins(np.array([7.0, 2.0]), 1, frequencies=np.array([2.0, 1.0]))
    drawn = sample(crosscheck(case, 2), seed=3, draws=500, tune=300)
    exact = beta(1 + 7 + 7 + 2, 1 + 3 + 3 + 8)
    row = drawn.summary.loc["bias[coin1]"]
    error = exact.std() / np.sqrt(row["ess_bulk"])
    assert abs(row["mean"] - exact.mean()) < 4 * error
    assert row["sd"] == pytest.approx(exact.std(), rel=0.1)
    assert row["ess_bulk"] > 400
    assert row["r_hat"] < 1.02
    assert not [message for message in drawn.messages if "chain" in message]


def test_chains_in_different_labellings_are_named(posterior, separated):
    by_chain = posterior.draws.mean(axis=1)
    near = np.abs(by_chain - separated.case.flat(separated.ends.pymc)).max(axis=1) < 0.2
    assert 0 < near.sum() < 4
    (message,) = [m for m in posterior.messages if "different labellings" in m]
    kept, moved = ([str(c + 1) for c in np.flatnonzero(side)] for side in (near, ~near))
    for chains, where in (
        (kept, "the labelling of the maximum"),
        (moved, "another labelling (coin2, coin1 in the places of coin1, coin2)"),
    ):
        plural = "s" if len(chains) > 1 else ""
        assert f"chain{plural} {' and '.join(chains)} in {where}" in message
    assert "not that the sampler failed" in message
    assert (posterior.summary["r_hat"] > 1.5).all()
    assert not [m for m in posterior.messages if "switch" in m]


@pytest.mark.slow
def test_two_overlapping_coins_mix_their_labels(make_coins):
    case = make_coins(np.array([5.0, 9, 8, 4, 7]), 2, fixed_weight=EQUAL)
    drawn = sample(crosscheck(case, 4), seed=1, draws=60, tune=60)
    (message,) = [m for m in drawn.messages if "labels switch within" in m]
    assert all(f"chain {chain} (" in message for chain in (1, 2, 3, 4))


def test_summary_and_table(posterior, separated):
    names = ["bias[coin1]", "bias[coin2]"]
    assert list(posterior.summary.index) == separated.case.parameter_names() == names
    assert list(posterior.summary.columns) == ["mean", "sd", "r_hat", "ess_bulk", "ess_tail"]
    stored = np.asarray(posterior.data["posterior"]["bias"].values)
    assert stored.shape == posterior.draws.shape == (4, 60, 2)
    np.testing.assert_array_equal(stored, posterior.draws)
    np.testing.assert_allclose(posterior.summary["mean"], stored.mean(axis=(0, 1)))
    np.testing.assert_allclose(posterior.summary["sd"], stored.reshape(-1, 2).std(axis=0, ddof=1))
    assert list(posterior.data["posterior"]["bias_dim_0"].values) == ["coin1", "coin2"]
    estimates = separated.estimates.set_index("parameter")
    for column in ("em", "em_se", "pymc", "pymc_se"):
        np.testing.assert_array_equal(posterior.table[column], estimates[column])
    np.testing.assert_array_equal(posterior.table["r_hat"], posterior.summary["r_hat"])


def test_names_follow_the_case_and_not_pymc(slopes, lsat6_case):
    assert list(slopes.summary.index) == lsat6_case.parameter_names()
    np.testing.assert_allclose(
        slopes.summary.loc["a[item3]", "mean"], slopes.data["posterior"]["a"].values[..., 2].mean()
    )
    np.testing.assert_allclose(
        slopes.summary.loc["d[item2]", "mean"], slopes.data["posterior"]["d"].values[..., 1].mean()
    )


def test_same_seed_same_draws_and_nothing_printed(separated, capfd, caplog):
    one, again, other = (sample(separated, seed=seed, draws=10, tune=10) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.draws, again.draws)
    assert not np.array_equal(one.draws, other.draws)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_chains_are_not_copies(posterior):
    starts = posterior.draws[:, 0, 0]
    assert len(np.unique(starts)) == 4


@pytest.mark.slow
def test_progress_reaches_the_terminal_only_when_asked_for():
    """In a process of its own: PyMC keeps hold of the streams that it finds when it is imported."""
    script = """
import numpy as np
from comparisons.families import coin_mixture
from comparisons.cross_check.run import crosscheck
from comparisons.posterior.sample import sample
case = coin_mixture.bind("coins", np.array([1.0, 9, 8]), np.full(3, 10.0), 2, fixed_weight=np.array([0.5, 0.5]))
sample(crosscheck(case, 2), seed=1, draws=10, tune=10, progress=PROGRESS)
"""
    for progress in (False, True):
        code = script.replace("PROGRESS", str(progress))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, timeout=300,
            cwd=Path(__file__).parents[3],
        )  # fmt: skip
        assert ("draws/s" in done.stdout + done.stderr) == progress
        if not progress:
            assert done.stdout == ""
            assert "Sampling" not in done.stderr


def test_saved_file_can_be_read(posterior, tmp_path):
    import arviz

    path = tmp_path / "posterior.nc"
    posterior.save(path)
    again = arviz.from_netcdf(str(path))
    np.testing.assert_array_equal(again["posterior"]["bias"].values, posterior.draws)
    assert "diverging" in again["sample_stats"]


def test_file_that_cannot_be_written(posterior, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        posterior.save(tmp_path / "missing" / "posterior.nc")


def test_a_missing_package_is_named(posterior, tmp_path, monkeypatch):
    def without_h5netcdf(path):
        raise ValueError("cannot write NetCDF files because none of the suitable backend libraries is installed")

    data = SimpleNamespace(to_netcdf=without_h5netcdf)
    with pytest.raises(InputError, match="netCDF needs h5netcdf"):
        replace(posterior, data=data).save(tmp_path / "posterior.nc")


def test_mirror_images_of_flat_slopes_are_named(slopes):
    signs = np.sign(slopes.draws[:, :, 6:].mean(axis=(1, 2)))
    assert set(signs) == {-1.0, 1.0}
    (message,) = [m for m in slopes.messages if "mirror images of one another" in m]
    for number in np.flatnonzero(signs < 0) + 1:
        assert str(number) in message.split("in the mirror image (the signs of a reversed)")[0].split(";")[-1]


def test_flat_priors_are_named(slopes, posterior):
    assert [m for m in slopes.messages if m.startswith("flat priors on d and a: the posterior need not be proper")]
    assert not [m for m in posterior.messages if "flat" in m]


def test_chain_that_ran_off_is_named(slopes):
    away = [c + 1 for c, chain in enumerate(slopes.draws) if np.abs(chain[:, 5:].mean(axis=0)).max() > 4]
    said = [int(m.split()[1]) for m in slopes.messages if "drifted towards infinity" in m]
    assert said == away
    assert away, "choose a seed under which a slope diverges"


# ---- messages, on draws made by hand ----------------------------------------------------------------


def by_hand(case, *means, draws=100, seed=0):
    """Draws of one chain per mean: a sequence of means per chain, the chain spending equal time at each."""
    rng = np.random.default_rng(seed)
    chains = [np.repeat(np.atleast_2d(mean), draws // len(np.atleast_2d(mean)), axis=0) for mean in means]
    return np.stack(chains) + rng.normal(0, 0.01, (len(means), draws, len(case.parameter_names())))


@pytest.fixture
def three_coins(make_coins):
    return make_coins(np.array([1.0, 1, 5, 5, 9, 9]), 3)


WEIGHTS, BIASES = [0.2, 0.3, 0.5], [0.1, 0.5, 0.9]
REFERENCE = {"weight": np.array(WEIGHTS), "bias": np.array(BIASES)}
HOME = [*WEIGHTS, *BIASES]
TURNED = [0.5, 0.2, 0.3, 0.9, 0.1, 0.5]


def test_all_chains_at_home_say_nothing(three_coins):
    assert about_labels(three_coins, by_hand(three_coins, HOME, HOME), REFERENCE) == []


def test_three_labels_by_name(three_coins):
    (message,) = about_labels(three_coins, by_hand(three_coins, HOME, TURNED, HOME), REFERENCE)
    assert "chains 1 and 3 in the labelling of the maximum" in message
    assert "chain 2 in another labelling (coin2, coin3, coin1 in the places of coin1, coin2, coin3)" in message


def test_all_chains_alike_in_another_labelling(three_coins):
    (message,) = about_labels(three_coins, by_hand(three_coins, TURNED, TURNED), REFERENCE)
    assert message.startswith("every chain sits in another labelling (coin2, coin3, coin1")


def test_switching_within_a_chain(three_coins):
    values = by_hand(three_coins, HOME, [HOME, HOME, HOME, TURNED])
    (message,) = about_labels(three_coins, values, REFERENCE)
    assert "labels switch within chain 2 (25% of its draws):" in message
    assert "chain 1 (" not in message


def test_sign_switching_within_a_chain(make_lsat6):
    case = make_lsat6()
    d, a = np.ones(5), np.ones(5)
    values = by_hand(case, [np.r_[d, a], np.r_[d, a], np.r_[d, a], np.r_[d, -a]])
    (message,) = about_labels(case, values, {"d": d, "a": a})
    assert "the sign switches within chain 1 (25% of its draws)" in message


def test_ridge_is_named(separated):
    assert _about_ridge(separated) == []
    (message,) = _about_ridge(replace(separated, not_identified=("weight[coin1]", "weight[coin2]")))
    assert "do not identify weight[coin1] and weight[coin2]" in message


def test_sampler_trouble_is_counted(posterior):
    good = posterior.summary.assign(r_hat=1.0, ess_bulk=900.0, ess_tail=900.0)
    values = posterior.draws
    assert _about_sampler(good, {"diverging": 0, "reached_max_treedepth": 0}, values) == []
    said = _about_sampler(good, {"diverging": 7, "reached_max_treedepth": 3}, values)
    assert said[0].startswith("7 of 240 draws diverged")
    assert said[1].startswith("3 of 240 trajectories")
    bad = good.assign(r_hat=[1.0, 1.2], ess_tail=[100.0, np.nan])
    said = _about_sampler(bad, {}, values)
    assert said[0] == "R-hat is above 1.01 or unknown for bias[coin2]"
    assert said[1] == "effective sample size below 400 or unknown for bias[coin1] and bias[coin2]"


# ---- few draws, bad requests, failures --------------------------------------------------------------


@pytest.mark.parametrize(("chains", "draws"), [(4, 10), (1, 4)])
def test_few_draws_do_not_crash(separated, chains, draws):
    drawn = sample(separated, seed=1, draws=draws, tune=10, chains=chains)
    assert drawn.draws.shape == (chains, draws, 2)
    assert np.isfinite(drawn.summary[["mean", "sd"]].to_numpy()).all()
    assert any("effective sample size below" in message for message in drawn.messages)
    posterior_figure(drawn)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"draws": 3}, "draws 3: expected 4 or more"),
        ({"tune": -1}, "tune -1: expected 0 or more"),
        ({"chains": 0}, "chains 0: expected 1 or more"),
    ],
)
def test_requests_that_make_no_sense(separated, wrong, said):
    with pytest.raises(InputError, match=f"^{said}$"):
        sample(separated, seed=1, **wrong)


def test_model_that_cannot_be_sampled_is_one_line(separated):
    def impossible():
        import pymc as pm

        with pm.Model() as model:
            bias = pm.Beta("bias", 1.0, 1.0, shape=2)
            pm.Potential("never", -np.inf * bias.sum())
        return model

    broken = replace(separated, case=replace(separated.case, build_model=impossible))
    with pytest.raises(InputError, match=r"coins: NUTS could not sample: .+ finite density") as caught:
        sample(broken, seed=1, draws=10, tune=10)
    assert "\n" not in str(caught.value)


def test_flat_variables(lsat6_case, make_lsat6):
    assert set(sampling.flat_variables(lsat6_case.build_model())) == {"a", "d"}
    prior = make_lsat6(intercept_prior=("normal", 0.0, 2.0))
    assert sampling.flat_variables(prior.build_model()) == ("a",)


# ---- figure -----------------------------------------------------------------------------------------


def many(posterior: Posterior, count: int) -> Posterior:
    """The same kind of result with `count` parameters of each of two names."""
    item = Axis("item", tuple(f"item {i} $x_{i}$" for i in range(1, count + 1)))
    values = np.random.default_rng(1).normal(np.arange(2 * count) / count, 0.3, (4, 50, 2 * count))
    case = replace(posterior.case, parameters=(Parameter("d", (item,)), Parameter("a", (item,))))
    table = posterior.table.iloc[np.zeros(2 * count, dtype=int)].assign(em=values[0, 0], pymc=values[0, 0])
    table.index = case.parameter_names()
    return replace(posterior, case=case, draws=values, table=table)


@pytest.mark.parametrize("count", [2, 20])
def test_figure_is_readable_and_leaves_pyplot_alone(posterior, count, tmp_path):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    shown = many(posterior, count)
    figure = posterior_figure(shown)
    figure.savefig(tmp_path / "figure.png")
    assert pyplot.get_fignums() == before
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["d", "a"]
    for axes in figure.axes:
        labels = [text.get_text() for text in axes.get_yticklabels()]
        assert len(labels) == count
        assert labels[1] == "item 2 $x_2$"
        assert not any(text.get_parse_math() for text in axes.get_yticklabels())
        boxes = [text.get_window_extent() for text in axes.get_yticklabels()]
        assert all(one.y0 >= next_.y1 for one, next_ in pairwise(boxes)), "labels overlap"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["chain 1", "chain 2", "chain 3", "chain 4", "PyMC, maximum", "EM, maximum"]


def test_figure_marks_both_maxima(posterior):
    axes = posterior_figure(posterior).axes[0]
    by_name = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_array_equal(by_name["EM, maximum"].get_xdata(), posterior.table["em"])
    np.testing.assert_array_equal(by_name["PyMC, maximum"].get_xdata(), posterior.table["pymc"])
    np.testing.assert_array_equal(by_name["EM, maximum"].get_ydata(), [0, 1])


def test_chain_that_ran_off_does_not_squeeze_the_figure(posterior):
    values = posterior.draws.copy()
    values[0, :, 0] += 1e4
    low, high = posterior_figure(replace(posterior, draws=values)).axes[0].get_xlim()
    assert high - low < 100
