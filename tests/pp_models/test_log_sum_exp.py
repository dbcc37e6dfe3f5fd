"""log sum exp and softplus: values, first and second derivatives, and that nothing but a softmax is computed."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.replace import vectorize_graph

from pp_models.log_sum_exp import log_sum_exp, softplus, with_stable_sums

FORMS = {
    "ours": lambda x, axis: log_sum_exp(x, axis),
    "PyTensor's": lambda x, axis: with_stable_sums([pt.logsumexp(x, axis=axis)])[0],
    "written out": lambda x, axis: with_stable_sums([pt.log(pt.sum(pt.exp(x), axis=axis))])[0],
    "with its axis": lambda x, axis: with_stable_sums([pt.logsumexp(x, axis=axis, keepdims=True)])[0],
}
X = np.array([[-1.0, 0.5, 2.0], [-800.0, -801.5, -799.0]])


def compiled(inputs, outputs):
    with pytensor.config.change_flags(cxx=""):
        return pytensor.function(inputs, outputs, mode=pytensor.compile.mode.get_mode("FAST_COMPILE"))


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("form", FORMS)
def test_value_gradient_and_hessian(form: str, axis: int | None) -> None:
    """The gradient is the softmax s, the Hessian times v is s v - s sum(s v)."""
    x, v = pt.matrix("x"), np.array([[1.0, -2.0, 0.5], [3.0, 1.0, -1.0]])
    total = pm.pytensorf.rewrite_pregrad(FORMS[form](x, axis).sum())
    gradient = pytensor.grad(total, x)
    function = compiled([x], [total, gradient, pytensor.grad((gradient * v).sum(), x)])
    top = X.max(axis=axis, keepdims=True)
    terms = np.exp(X - top)
    softmax = terms / terms.sum(axis=axis, keepdims=True)
    product = softmax * v - softmax * (softmax * v).sum(axis=axis, keepdims=True)
    for found, expected in zip(
        function(X), ((np.log(terms.sum(axis=axis, keepdims=True)) + top).sum(), softmax, product), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_knows_nothing_of_the_shift(form: str) -> None:
    """One maximum and one exp of the whole, and nothing is compared with the maximum."""
    x = pt.matrix("x")
    total = pm.pytensorf.rewrite_pregrad(FORMS[form](x, 1).sum())
    nodes = compiled([x], [total, pytensor.grad(total, x)]).maker.fgraph.toposort()
    said = [str(node.op) for node in nodes]
    assert sum(name.startswith("Max") for name in said) == 1
    assert sum(name.startswith("Exp") and not name.startswith("Expand") for name in said) == 1
    assert not [name for name in said if name.startswith("Eq")]


def test_what_is_impossible_is_minus_infinity() -> None:
    x = pt.matrix("x")
    function = compiled([x], log_sum_exp(x))
    np.testing.assert_array_equal(function(np.array([[-np.inf, -np.inf], [-np.inf, 1.0]])), [-np.inf, 1.0])


def test_many_at_once() -> None:
    x, many = pt.matrix("x"), pt.tensor3("many")
    values = vectorize_graph(log_sum_exp(x), {x: many})
    function = compiled([many], [values, pytensor.grad(values.sum(), many)])
    one = compiled([x], [log_sum_exp(x), pytensor.grad(log_sum_exp(x).sum(), x)])
    for found, expected in zip(function(np.stack([X, 2 * X])), one(2 * X), strict=True):
        np.testing.assert_array_equal(found[1], expected)


def test_softplus() -> None:
    z = pt.vector("z")
    value = pm.pytensorf.rewrite_pregrad(softplus(z).sum())
    gradient = pytensor.grad(value, z)
    function = compiled([z], [softplus(z), gradient, pytensor.grad(gradient.sum(), z)])
    at = np.array([-800.0, -2.0, 0.0, 3.0, 800.0])
    slope = np.exp(-np.logaddexp(0, -at))
    for found, expected in zip(function(at), (np.logaddexp(0, at), slope, slope * (1 - slope)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-16)
