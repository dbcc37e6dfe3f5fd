"""Double precision throughout: PyTensor takes whole numbers that fit into 16 bits for single precision.

The type of `pt.log(2)`, of `gammaln(n + 1)` with n = 197 and of the constants of a t density with nu = 3 is
float32, as NumPy's is of `numpy.log(numpy.int8(2))`: eight digits, where a comparison to twelve needs sixteen.
"""

from typing import Any

import pytensor.tensor as pt
from pytensor.graph.traversal import io_toposort
from pytensor.tensor.elemwise import Elemwise

SINGLE = ("float16", "float32")


def in_double_precision(outputs: list[Any]) -> list[Any]:
    """The same graphs, with every elementwise operation that would be computed in single precision in double."""
    become: dict[Any, Any] = {}
    for node in io_toposort([], outputs):
        given = [become.get(variable, variable) for variable in node.inputs]
        single = isinstance(node.op, Elemwise) and any(output.type.dtype in SINGLE for output in node.outputs)
        if single:
            given = [variable if variable.type.dtype == "bool" else pt.cast(variable, "float64") for variable in given]
        if single or any(new is not old for new, old in zip(given, node.inputs, strict=True)):
            become |= dict(zip(node.outputs, node.op.make_node(*given).outputs, strict=True))
    return [become.get(output, output) for output in outputs]
