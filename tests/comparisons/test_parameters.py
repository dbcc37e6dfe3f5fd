"""Parameters with axes: names, entries, supports, and everything that is laid out by them."""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest

from comparisons.case import natural_of
from comparisons.catalogue import load
from comparisons.errors import InputError
from comparisons.optima.labellings import labelling, rearranged
from comparisons.optima.starts import check_starts
from comparisons.optima.unfinished import Free
from comparisons.outside import bind
from comparisons.parameters import Axis, Parameter, Support, numbered, support_of
from comparisons.report.panels import panels_of
from pp_models.edges import Edge, at_distance
from pp_models.matrices import (
    LogCholesky,
    LogRegression,
    correlation_matrix,
    covariance_matrix,
    from_log_cholesky,
    log_cholesky,
)
from pp_models.objective import Objective

CLASSES, ITEMS = numbered("class", "class", 2), numbered("item", "item", 3)
VARIABLES = Axis("variable", ("x", "y", "z"))
P = Parameter("p", (ITEMS, CLASSES), Support.UNIT_INTERVAL)
COVARIANCE = Parameter("covariance", (CLASSES, VARIABLES, VARIABLES), Support.COVARIANCE)
CORRELATION = Parameter("r", (VARIABLES, VARIABLES), Support.CORRELATION)


def matrices(rng, *lead):
    root = rng.normal(size=(*lead, 3, 3))
    return root @ np.swapaxes(root, -1, -2) + np.eye(3)


def correlations(rng, *lead):
    covariance = matrices(rng, *lead)
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return covariance / sd[..., None] / sd[..., None, :]


@pytest.fixture(scope="module")
def objective():
    """Two matrices, a stack of two, and a matrix of simplexes, in one model."""
    with pm.Model(coords={"item": ["i", "j"], "category": ["a", "b", "c"]}) as model:
        covariance = covariance_matrix("covariance", (2, 3, 3))
        r = correlation_matrix("r", (3, 3))
        p = pm.Dirichlet("p", np.ones((2, 3)), dims=("item", "category"))
        sums = (covariance**2).sum() + ((r - 0.2) ** 4).sum()
        pm.Potential("any", -(sums + ((p - 0.3) ** 2 * np.arange(6.0).reshape(2, 3)).sum()))
    return Objective(model)


@pytest.fixture(scope="module")
def natural():
    rng = np.random.default_rng(0)
    return {"covariance": matrices(rng, 2), "r": correlations(rng), "p": rng.dirichlet(np.ones(3), 2)}


def test_entries_are_named_as_people_write_them():
    assert P.names == (
        "p[item1, class1]",
        "p[item1, class2]",
        "p[item2, class1]",
        "p[item2, class2]",
        "p[item3, class1]",
        "p[item3, class2]",
    )
    assert Parameter("rate").names == ("rate",)
    assert Parameter("bias", (numbered("coin", "coin", 2),)).names == ("bias[coin1]", "bias[coin2]")
    assert CORRELATION.names == ("r[x, y]", "r[x, z]", "r[y, z]")
    assert COVARIANCE.names[:6] == tuple(
        f"covariance[class1, {pair}]" for pair in ("x, x", "x, y", "y, y", "x, z", "y, z", "z, z")
    )


@pytest.mark.parametrize("lead", [(), (4,), (2, 5)])
def test_entries_and_values_are_inverse(lead):
    rng = np.random.default_rng(1)
    for parameter, values in (
        (P, rng.random((*lead, 3, 2))),
        (Parameter("rate"), rng.random((*lead, 1))),
        (COVARIANCE, matrices(rng, *lead, 2)),
        (CORRELATION, correlations(rng, *lead)),
    ):
        entries = parameter.flat(values)
        assert entries.shape == (*lead, parameter.size)
        np.testing.assert_allclose(parameter.full(entries), values, rtol=1e-15)


def test_axes_of_one_name_have_the_same_labels():
    case = load("two-coins")
    other = Parameter("extra", (Axis("coin", ("a", "b")),))
    with pytest.raises(ValueError, match="axis 'coin' has the labels"):
        replace(case, parameters=(*case.parameters, other))


@pytest.mark.parametrize("problem", ["coins", "lsat6", "lsat6-common-slope", "hasselblad", "genetic-linkage", "murray"])
def test_supports_are_those_of_the_graph(problem):
    case = load(problem)
    objective = case.objective()
    for parameter in case.parameters:
        assert parameter.support == support_of(objective, parameter.name)
        assert parameter.size == objective.sizes[parameter.name]


@pytest.mark.parametrize("correlation", [False, True])
def test_log_cholesky_in_numpy_is_that_of_the_graph(correlation):
    import pytensor
    import pytensor.tensor as pt

    rng = np.random.default_rng(2)
    values = correlations(rng, 2) if correlation else matrices(rng, 2)
    chart = LogCholesky(3, correlation)
    free = log_cholesky(values, correlation)
    np.testing.assert_allclose(from_log_cholesky(free, 3, correlation), values, rtol=1e-12)
    with pytensor.config.change_flags(cxx="", mode="FAST_COMPILE"):
        np.testing.assert_allclose(chart.forward(pt.constant(values)).eval(), free, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(chart.backward(pt.constant(free)).eval(), values, rtol=1e-12)
        told = chart.log_jac_det(pt.constant(free)).eval()
    rows, columns = np.tril_indices(3, -1 if correlation else 0)

    def entries(x):
        return from_log_cholesky(x, 3, correlation)[rows, columns]

    for point, expected in zip(free, told, strict=True):
        steps = 1e-6 * np.eye(len(point))
        jacobian = np.array([(entries(point + h) - entries(point - h)) / 2e-6 for h in steps])
        assert np.linalg.slogdet(jacobian)[1] == pytest.approx(float(expected), abs=1e-6)


def test_regressions_in_numpy_are_those_of_the_graph():
    import pytensor
    import pytensor.tensor as pt

    units = np.array([0.1, 3.0, 40.0])
    values = matrices(np.random.default_rng(3), 2) * np.outer(units, units)
    chart = LogRegression(units)
    free = chart.free(values)
    with pytensor.config.change_flags(cxx="", mode="FAST_COMPILE"):
        np.testing.assert_allclose(chart.forward(pt.constant(values)).eval(), free, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(chart.backward(pt.constant(free)).eval(), values, rtol=1e-12)
        told = chart.log_jac_det(pt.constant(free)).eval()
        rows, columns = np.tril_indices(3)
        steps = 1e-6 * np.eye(6)
        around = [chart.backward(pt.constant(free[0] + sign * steps)).eval()[:, rows, columns] for sign in (1, -1)]
    jacobian = (around[0] - around[1]) / 2e-6
    assert np.linalg.slogdet(jacobian)[1] == pytest.approx(float(told[0]), abs=1e-6)


def test_a_matrix_on_a_line_keeps_its_regression():
    """With y = 2 x exactly the coefficient is 2 units, and nothing is left of the variance of y."""
    chart = LogRegression([1.0, 2.0])
    free = chart.free(np.array([[[4.0, 8.0], [8.0, 16.0]], [[0.0, 0.0], [0.0, 1.0]]]))
    np.testing.assert_array_equal(free, [[np.log(2.0), 1.0, -np.inf], [-np.inf, 0.0, 0.0]])


def test_free_and_natural_are_inverse(objective, natural):
    back = objective.natural(objective.free(natural))
    for name, values in natural.items():
        np.testing.assert_allclose(back[name], values, rtol=1e-12)


def test_gradient_by_entries_is_that_by_free_parameters(objective, natural):
    """Chain rule: J' (gradient by entries) = gradient by free parameters; of weights along the simplex."""
    x = objective.free(natural)
    by_free = objective.value_and_gradient(x)[1]
    by_entries = objective.flat(objective.natural_gradient(natural))
    np.testing.assert_allclose(objective.natural_jacobian(x).T @ by_entries, by_free, rtol=1e-9, atol=1e-9)


def test_derivative_of_an_entry_off_the_diagonal_counts_both_cells(objective, natural):
    step = np.zeros((2, 3, 3))
    step[0, 1, 0] = step[0, 0, 1] = 1e-6
    values = [
        objective.log_likelihood(objective.free({**natural, "covariance": natural["covariance"] + way * step}))
        for way in (1, -1)
    ]
    gradient = objective.natural_gradient(natural)["covariance"]
    assert gradient[0, 1, 0] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "wrong", "expected"),
    [
        ("covariance", np.ones((2, 3, 3)), "positive definite"),
        ("covariance", np.eye(3) + np.eye(3, k=1), "shape"),
        ("p", np.full((2, 3), 0.5), "add up to 1"),
        ("r", np.eye(3) + 0.5 * np.eye(3, k=1), "symmetric"),
    ],
)
def test_what_lies_outside_the_support_is_refused(objective, natural, name, wrong, expected):
    with pytest.raises(ValueError, match=expected):
        objective.free({**natural, name: wrong})


def test_one_weight_of_a_stack_moves_its_own_row_only(objective, natural):
    moved = at_distance(objective, natural, Edge("p", 4, False, 0.0, 1.0), 0.125)["p"]
    np.testing.assert_array_equal(moved[0], natural["p"][0])
    assert moved[1, 1] == 0.125
    assert moved[1].sum() == pytest.approx(1)
    assert moved[1, 0] / moved[1, 2] == pytest.approx(natural["p"][1, 0] / natural["p"][1, 2])


@pytest.fixture(scope="module")
def stacked(objective):
    """The model as a case; the EM does nothing."""
    return bind(objective.model, lambda params: params, exchangeable=(), turned=())


def test_coordinates_of_an_accelerated_em_are_inverse(stacked, objective):
    rng = np.random.default_rng(3)
    starts = [stacked.draw_start(rng) for _ in range(3)]
    params = stacked.to_em({name: np.stack([start[name] for start in starts]) for name in stacked.labels})
    chart = Free.of(stacked, objective)
    back = chart.leave(chart.enter(params))
    for field, again in zip(params, back, strict=True):
        np.testing.assert_allclose(again, field, rtol=1e-10)


def test_flat_and_natural_of_a_case_are_inverse(stacked):
    natural = stacked.draw_start(np.random.default_rng(4))
    flat = stacked.flat(natural)
    assert flat.shape == (12 + 3 + 6,) == (len(stacked.parameter_names()),)
    for name, values in natural_of(stacked, flat).items():
        np.testing.assert_allclose(values, natural[name], rtol=1e-15)


def test_starts_of_another_shape_are_refused(stacked):
    start = stacked.draw_start(np.random.default_rng(5))
    starts = {name: values[np.newaxis] for name, values in start.items()}
    check_starts(stacked, starts)
    with pytest.raises(InputError, match=r"'p' has shape \(1, 6\), expected \(starts, 2, 3\)"):
        check_starts(stacked, {**starts, "p": starts["p"].reshape(1, 6)})
    broken = starts["p"].copy()
    broken[0, 1, 2] = np.nan
    with pytest.raises(InputError, match=r"start 0: p\[j, c\] is nan"):
        check_starts(stacked, {**starts, "p": broken})


def test_a_labelling_moves_an_axis_wherever_it_occurs():
    """Classes and items in another order at once: found from the aligned point, and undone."""
    rng = np.random.default_rng(6)
    weight = Parameter("weight", (CLASSES,), Support.SIMPLEX)
    loading = Parameter("loading", (ITEMS, CLASSES))
    case = replace(load("two-coins"), parameters=(weight, loading, COVARIANCE))
    reference = {"weight": np.array([0.5, 0.5]), "loading": rng.normal(size=(3, 2)), "covariance": matrices(rng, 2)}
    swapped = {
        "weight": reference["weight"][::-1],
        "loading": -reference["loading"][[2, 0, 1]][:, ::-1],
        "covariance": reference["covariance"][::-1],
    }
    case = replace(case, align=lambda _, __: reference)
    order = labelling(case, swapped, reference)
    assert order[0] == (2, 1)
    undone = rearranged(case, order, swapped)
    for name, values in reference.items():
        np.testing.assert_allclose(undone[name], values, rtol=1e-15)


def test_panels_have_one_line_per_component():
    weight = Parameter("weight", (CLASSES,))
    titles = [(panel.title, panel.labels, len(panel.entries)) for panel in panels_of([weight, P])]
    both = CLASSES.labels
    assert titles == [("weight", both, 2), *((f"p[item{i}]", both, 2) for i in (1, 2, 3))]
    assert [panel.entries.tolist() for panel in panels_of([P])] == [[0, 1], [2, 3], [4, 5]]
    assert [panel.title for panel in panels_of([COVARIANCE])][:2] == ["covariance[x, x]", "covariance[x, y]"]


def test_too_many_panels_are_one():
    items = numbered("item", "item", 400)
    (panel,) = panels_of([Parameter("p", (items, CLASSES))])
    assert len(panel.entries) == 800
    assert panel.components.tolist()[:4] == [0, 1, 0, 1]
