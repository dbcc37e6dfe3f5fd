"""Values and derivatives of the compiled objective: enumeration, finite differences, and PyMC's own functions."""

import mpmath
import numpy as np
import pytensor
import pytest
from scipy.special import expit, logsumexp

from pp_models import coin_mixture, objective, two_pl
from pp_models.objective import EDGE, LARGEST, Objective

STEP = 2e-3


def differences(function, x):
    """Derivative by central differences of two steps, extrapolated (Richardson): error of order STEP^4."""
    x = np.asarray(x, dtype=float)
    rows = []
    for direction in np.eye(len(x)):
        wide, narrow = (
            (np.asarray(function(x + h * direction)) - np.asarray(function(x - h * direction))) / (2 * h)
            for h in (STEP, STEP / 2)
        )
        rows.append((4 * narrow - wide) / 3)
    return np.stack(rows, axis=-1)


def value_of(compiled):
    return lambda x: compiled.value_and_gradient(x)[0]


# ---- values -----------------------------------------------------------------------------------------


def test_value_is_the_enumeration(problem):
    for x in problem.points:
        natural = problem.objective.natural(x)
        assert problem.objective.value_and_gradient(x)[0] == pytest.approx(problem.value(natural), rel=1e-12)


def test_log_likelihood_and_prior_apart(problem):
    compiled = problem.objective
    for x in problem.points:
        natural = compiled.natural(x)
        likelihood = float(mpmath.fsum(problem.rows(natural)))
        assert compiled.log_likelihood(x) == pytest.approx(likelihood, rel=1e-12)
        prior = problem.log_prior(natural) if compiled.with_prior else 0.0
        assert compiled.log_prior(x) == pytest.approx(prior, rel=1e-12, abs=1e-12)


def test_flat_dirichlet_is_a_prior_but_no_likelihood(problems):
    """Dirichlet(1, 1, 1) has density 2 everywhere: ln 2 in the log-posterior, nothing in the log-likelihood."""
    with_prior = problems["flat priors as priors"].objective
    x = problems["flat priors as priors"].points[0]
    assert with_prior.log_prior(x) == pytest.approx(np.log(2), rel=1e-12)
    assert Objective(with_prior.model).log_prior(x) == 0.0
    assert Objective(with_prior.model).value_and_gradient(x)[0] == pytest.approx(
        with_prior.log_likelihood(x), rel=1e-13
    )


def test_pointwise_is_the_enumeration_row_by_row(problem):
    for x in problem.points:
        rows = [float(row) for row in problem.rows(problem.objective.natural(x))]
        found = problem.objective.pointwise(x)
        np.testing.assert_allclose(found, rows, rtol=1e-12, atol=1e-14)
        assert found.sum() == pytest.approx(problem.objective.log_likelihood(x), rel=1e-13)


# ---- derivatives ------------------------------------------------------------------------------------


def test_gradient_against_differences_of_the_enumeration(problem):
    x = problem.points[0]
    expected = differences(lambda z: problem.value(problem.objective.natural(z)), x)
    np.testing.assert_allclose(problem.objective.value_and_gradient(x)[1], expected, rtol=1e-8, atol=1e-8)


def test_gradient_against_differences_of_the_value(problem):
    for x in problem.points[1:]:
        gradient = problem.objective.value_and_gradient(x)[1]
        expected = differences(value_of(problem.objective), x)
        np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-7)


def test_hessian_against_differences_of_the_gradient(problem):
    for x in problem.points:
        hessian = problem.objective.hessian(x)
        expected = differences(lambda z: problem.objective.value_and_gradient(z)[1], x)
        np.testing.assert_allclose(hessian, expected, rtol=1e-7, atol=1e-7)
        np.testing.assert_array_equal(hessian, hessian.T)


@pytest.mark.parametrize(("cells", "largest"), [(1.0, 1), (1e9, 15)])
def test_many_points_at_once_and_in_blocks(problem, cells, largest, monkeypatch):
    compiled, points = problem.objective, np.stack([*problem.points, problem.points[0]])[:3]
    alone = [compiled.value_and_gradient(x) for x in points]
    hessians = [compiled.hessian(x) for x in points]
    blocks = []
    for name in ("_values_and_gradients", "_hessian_times"):
        inner = getattr(compiled, name)
        counted = lambda *rows, inner=inner: (blocks.append(len(rows[0])), inner(*rows))[1]  # noqa: E731
        monkeypatch.setitem(compiled.__dict__, name, counted)
    monkeypatch.setattr(objective, "CELLS_AT_ONCE", cells)
    monkeypatch.delitem(compiled.__dict__, "_rows_at_once", raising=False)
    values, gradients = compiled.value_and_gradient(points)
    together = compiled.hessian(points)
    monkeypatch.delitem(compiled.__dict__, "_rows_at_once")
    np.testing.assert_array_equal(values, [value for value, _ in alone])
    np.testing.assert_array_equal(gradients, [gradient for _, gradient in alone])
    np.testing.assert_array_equal(together, hessians)
    assert compiled.value_and_gradient(points[np.newaxis])[1].shape == (1, *points.shape)
    assert sum(blocks) == len(points) * (1 + compiled.size) + len(points)
    assert (max(blocks) == 1) == (largest == 1)


@pytest.mark.parametrize(
    "name",
    [
        "coin priors",
        "2PL",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("free weights", "fixed weights", "2PL, log-normal slopes")
        ),
    ],
)
def test_against_the_functions_of_pymc(problems, name):
    compiled, x = problems[name].objective, problems[name].points[0]
    model = compiled.model
    # value_vars in PyMC's order; the gradient of a flat prior is 0, so the full density has our derivatives.
    ends = np.cumsum([np.size(compiled._initial_point[v.name]) for v in model.value_vars])
    parts = np.split(x, ends[:-1])
    point = {v.name: part for v, part in zip(model.value_vars, parts, strict=True)}
    likelihood = model.observed_RVs + model.potentials
    with pytensor.config.change_flags(cxx=""):
        fast = {"mode": "FAST_COMPILE"}
        value = model.compile_logp(vars=None if compiled.with_prior else likelihood, jacobian=False, **fast)(point)
        gradient = model.compile_dlogp(jacobian=False, **fast)(point)
        hessian = model.compile_d2logp(jacobian=False, negate_output=False, **fast)(point)
    ours = compiled.value_and_gradient(x)
    assert ours[0] == pytest.approx(float(value), rel=1e-12)
    np.testing.assert_allclose(ours[1], gradient, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(compiled.hessian(x), hessian, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coin priors", "2PL"])
def test_default_backend_gives_the_same_numbers(problems, name):
    fast, x = problems[name].objective, problems[name].points[0]
    default = Objective(fast.model, fast.with_prior, backend="default")
    one, other = fast.value_and_gradient(x), default.value_and_gradient(x)
    assert one[0] == pytest.approx(other[0], rel=1e-13)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(fast.hessian(x), default.hessian(x), rtol=1e-10, atol=1e-10)


# ---- natural and free parameters --------------------------------------------------------------------


def test_natural_parameters_by_formula(problems):
    rng = np.random.default_rng(2)
    x = rng.normal(size=5)
    natural = problems["free weights"].objective.natural(x)
    np.testing.assert_allclose(natural["weight"], np.exp(logits := np.r_[x[:2], -x[:2].sum()]) / np.exp(logits).sum())
    np.testing.assert_allclose(natural["bias"], expit(x[2:]))
    natural = problems["2PL, log-normal slopes"].objective.natural(z := rng.normal(size=8))
    np.testing.assert_allclose(natural["d"], z[:4])
    np.testing.assert_allclose(natural["a"], np.exp(z[4:]))


def test_round_trip_by_name(problem):
    compiled = problem.objective
    for x in problem.points:
        natural = compiled.natural(x)
        np.testing.assert_allclose(compiled.free(natural), x, rtol=1e-10, atol=1e-12)
        np.testing.assert_array_equal(compiled.free(dict(reversed(natural.items()))), compiled.free(natural))
        again = compiled.natural(compiled.free(natural))
        for name in compiled.names:
            np.testing.assert_allclose(again[name], natural[name], rtol=1e-12)


def test_extra_names_are_left_alone(problems):
    compiled, x = problems["2PL"].objective, problems["2PL"].points[0]
    np.testing.assert_allclose(compiled.free({**compiled.natural(x), "b": np.zeros(4)}), x, rtol=1e-12)


def test_natural_jacobian(problem):
    compiled = problem.objective
    for x in problem.points:
        expected = differences(lambda z: np.concatenate([compiled.natural(z)[name] for name in compiled.names]), x)
        np.testing.assert_allclose(compiled.natural_jacobian(x), expected, rtol=1e-9, atol=1e-9)


def test_names_shapes_and_bounds(problems):
    compiled = problems["free weights"].objective
    assert compiled.names == ("bias", "weight")
    assert compiled.shapes == {"bias": (3,), "weight": (3,)}
    assert compiled.size == 5
    assert compiled.is_simplex("weight")
    assert not compiled.is_simplex("bias")
    assert compiled.is_bounded("bias")
    np.testing.assert_allclose(compiled.bounds, np.tile([-np.log(1 / EDGE), np.log(1 / EDGE)], (5, 1)))
    for name, log_slope in (("2PL", np.inf), ("2PL, log-normal slopes", np.log(LARGEST))):
        compiled = problems[name].objective
        assert not compiled.is_bounded("a")
        highest = {"a": np.full(4, log_slope), "d": np.full(4, np.inf)}
        high = np.concatenate([highest[variable.name] for variable in compiled.model.free_RVs])
        np.testing.assert_allclose(compiled.bounds, np.stack([-high, high], axis=1))


@pytest.mark.parametrize(
    ("weight", "bias"),
    [
        ([0.0, 0.5, 0.5], [0.2, 0.5, 0.7]),
        ([1.0, 0.0, 0.0], [0.2, 0.5, 0.7]),
        ([0.2, 0.3, 0.5], [0.0, 1.0, 0.5]),
        ([0.2, 0.3, 0.5], [1e-12, 1 - 1e-12, 1 - 1e-15]),
        ([0.0, 0.0, 1.0], [1.0, 0.0, 1.0]),
    ],
)
def test_the_boundary_is_clipped(problems, weight, bias):
    compiled = problems["free weights"].objective
    x = compiled.free({"weight": weight, "bias": bias})
    assert np.isfinite(x).all()
    value, gradient = compiled.value_and_gradient(x)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.isfinite(compiled.hessian(x)).all()
    natural = compiled.natural(x)
    np.testing.assert_allclose(natural["weight"], weight, atol=3e-12)
    np.testing.assert_allclose(natural["bias"], bias, atol=2e-12)


COINS = {"weight": [0.2, 0.3, 0.5], "bias": [0.1, 0.5, 0.9]}


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("free weights", {"weight": COINS["weight"]}, "'bias' is missing; expected bias, weight"),
        ("free weights", {**COINS, "bias": [0.1, np.nan, 0.9]}, "'bias' must be finite"),
        ("free weights", {**COINS, "bias": [0.1, np.inf, 0.9]}, "'bias' must be finite"),
        ("free weights", {**COINS, "bias": [0.1, 0.5]}, "'bias' must have shape"),
        ("free weights", {**COINS, "bias": 0.1}, "'bias' must have shape"),
        ("free weights", {**COINS, "bias": [COINS["bias"]]}, "'bias' must have shape"),
        ("free weights", {**COINS, "weight": [0.5, 0.5]}, "'weight' must have shape"),
        ("free weights", {**COINS, "bias": [0.1, 0.5, 1.1]}, "'bias' must lie between 0 and 1"),
        ("free weights", {**COINS, "bias": [0.1, 0.5, -0.1]}, "'bias' must lie between 0 and 1"),
        ("free weights", {**COINS, "weight": [0.2, 0.3, 0.4]}, "'weight' must hold non-negative numbers that add up"),
        ("free weights", {**COINS, "weight": [1.2, -0.2, 0.0]}, "'weight' must hold non-negative numbers that add up"),
        ("2PL", {"d": np.zeros(4), "a": np.zeros(3)}, "'a' must have shape"),
        ("2PL", {"d": np.full(4, -np.inf), "a": np.zeros(4)}, "'d' must be finite"),
        ("2PL, log-normal slopes", {"d": np.zeros(4), "a": np.array([1.0, 1, -1, 1])}, "'a' must be positive"),
    ],
)
def test_bad_parameters_are_named(problems, name, given, said):
    with pytest.raises(ValueError, match=said):
        problems[name].objective.free(given)


# ---- large and far ----------------------------------------------------------------------------------


def test_a_thousand_flips():
    heads = np.array([480, 130, 990, 0, 1000])
    compiled = Objective(coin_mixture.build(heads, 1000, 2))
    for natural in (
        {"weight": np.array([0.4, 0.6]), "bias": np.array([0.1, 0.9])},
        {"weight": np.array([0.999, 0.001]), "bias": np.array([1e-6, 0.5])},
    ):
        x = compiled.free(natural)
        with mpmath.workdps(40):
            expected = mpmath.mpf(0)
            for head in heads.tolist():
                expected += mpmath.log(
                    mpmath.fsum(
                        mpmath.mpf(float(w)) * mpmath.binomial(1000, head) * mpmath.mpf(float(p)) ** head
                        * (1 - mpmath.mpf(float(p))) ** (1000 - head)
                        for w, p in zip(natural["weight"], natural["bias"], strict=True)
                    )
                )  # fmt: skip
        value, gradient = compiled.value_and_gradient(x)
        assert value == pytest.approx(float(expected), rel=1e-11)
        assert np.isfinite(gradient).all()
        hessian = compiled.hessian(x)
        assert np.isfinite(hessian).all()
        expected = differences(lambda z: compiled.value_and_gradient(z)[1], x)
        np.testing.assert_allclose(hessian, expected, rtol=1e-5, atol=1e-3)


def test_two_thousand_items():
    rng = np.random.default_rng(4)
    responses = rng.integers(0, 2, (30, 2000)).astype(float)
    responses[rng.random(responses.shape) < 0.05] = np.nan
    nodes = np.linspace(-6, 6, 31)
    weights = np.exp(-(nodes**2) / 2) / np.exp(-(nodes**2) / 2).sum()
    d, a = rng.normal(0, 1, 2000), rng.normal(1, 0.5, 2000)
    compiled = Objective(two_pl.build(responses, nodes, weights))
    value, gradient = compiled.value_and_gradient(compiled.free({"d": d, "a": a}))
    logits = d[:, None] + a[:, None] * nodes
    by_answer = {1.0: -np.logaddexp(0, -logits), 0.0: -np.logaddexp(0, logits)}
    rows = []
    for pattern in responses:
        joint = np.log(weights) + sum(by_answer[u][i] for i, u in enumerate(pattern) if not np.isnan(u))
        rows.append(logsumexp(joint))
    assert value == pytest.approx(sum(rows), rel=1e-12)
    assert value < -30 * 745, "no product of probabilities would survive"
    assert np.isfinite(gradient).all()


def test_far_slopes_stay_finite(lsat6):
    for scale in (30.0, 300.0):
        x = np.r_[np.zeros(5), np.full(5, scale)]
        value, gradient = lsat6.value_and_gradient(x)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        assert np.isfinite(lsat6.hessian(x)).all()


def test_rows_seen_no_time_change_nothing(problems):
    compiled = problems["2PL"].objective
    assert len(compiled.pointwise(problems["2PL"].points[0])) == 6
