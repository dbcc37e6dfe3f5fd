"""log sum exp, stable, with the gradient of a softmax and nothing else.

    log sum_k exp(x_k) = m + log sum_k exp(x_k - m),     m = max_k x_k

holds for any m, so that m is a constant to the gradient, which is exp(x_k - m) / sum_k exp(x_k - m). PyTensor's own
form differentiates m as well, and its `disconnected_grad` does not survive its rewriting: with either the gradient
takes three times as many passes over the rows of the data. Two identities that PyTensor does not see through keep it
from that.
"""

from typing import Any

import pytensor.tensor as pt
from pytensor.compile.builders import OpFromGraph
from pytensor.gradient import DisconnectedType
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.scalar.basic import Exp, Log, UnaryScalarOp, same_out
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Sum


class Identity(UnaryScalarOp):
    """x, to any rewriting something else."""

    nfunc_spec = ("positive", 1, 1)

    def impl(self, x: Any) -> Any:
        """X itself."""
        return x

    def c_code(self, node: Any, name: str, inputs: Any, outputs: Any, sub: Any) -> str:
        """For PyTensor's C backend."""
        return f"{outputs[0]} = {inputs[0]};"

    def pullback(self, inputs: Any, outputs: Any, output_gradients: Any) -> Any:
        """Of PyTensor 3: the gradient passes, and is something else to any rewriting, too."""
        return [self(gradient) for gradient in output_gradients]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> Any:  # noqa: N802 - PyTensor's name
        """Of PyTensor 2."""
        return self.pullback(inputs, outputs, output_gradients)


class Constant(Identity):
    """x, and a constant to the gradient."""

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """The output does not depend on the input."""
        return [[False]]

    def pullback(self, inputs: Any, outputs: Any, output_gradients: Any) -> Any:
        """Of PyTensor 3: no gradient."""
        return [DisconnectedType()()]


settled = Elemwise(Identity(same_out, name="settled"))
constant = Elemwise(Constant(same_out, name="constant"))


def log_sum_exp(x: Any, axis: Any = -1) -> Any:
    """log sum exp over axes; -inf where every entry is."""
    top = pt.max(x, axis=axis, keepdims=True)
    shift = constant(pt.switch(pt.isinf(top), 0.0, top))
    return pt.squeeze(shift, axis=axis) + pt.log(settled(pt.sum(pt.exp(x - shift), axis=axis)))


def softplus(z: Any) -> Any:
    """log(1 + e^z), where PyTensor's own runs element by element in Python when no compiler is used."""
    shift = constant(pt.maximum(z, 0.0))
    return shift + pt.log(settled(pt.exp(-shift) + pt.exp(z - shift)))


@node_rewriter([Elemwise, OpFromGraph])
def _written_out(_fgraph: Any, node: Any) -> Any:
    """log sum exp of any model as `log_sum_exp`: PyTensor 3 has an operation for it, PyTensor 2 writes it out."""
    if type(node.op).__name__ == "LogSumExp":
        return [node.outputs[0].type.filter_variable(log_sum_exp(node.inputs[0], node.op.axis))]
    if not (isinstance(node.op, Elemwise) and isinstance(node.op.scalar_op, Log)):
        return None
    total, kept = node.inputs[0].owner, None
    if total is not None and isinstance(total.op, DimShuffle):
        total, kept = total.inputs[0].owner, total.op
    if total is None or not isinstance(total.op, Sum):
        return None
    terms = total.inputs[0].owner
    if terms is None or not (isinstance(terms.op, Elemwise) and isinstance(terms.op.scalar_op, Exp)):
        return None
    axis = total.op.axis if total.op.axis is not None else tuple(range(terms.inputs[0].ndim))
    found = log_sum_exp(terms.inputs[0], axis)
    return [node.outputs[0].type.filter_variable(found if kept is None else kept(found))]


def with_stable_sums(outputs: list[Any]) -> list[Any]:
    """Graphs in which every log sum exp is `log_sum_exp`."""
    return list(rewrite_graph(outputs, include=(), custom_rewrite=dfs_rewriter(_written_out)))
