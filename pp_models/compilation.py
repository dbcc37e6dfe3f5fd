"""How PyMC's graphs become functions: fast to compile, and able to take many points at once."""

from functools import reduce
from typing import Any, Literal

from pytensor.compile.builders import OpFromGraph
from pytensor.compile.mode import Mode, get_mode
from pytensor.graph.replace import clone_replace
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.graph.traversal import ancestors
from pytensor.scalar.basic import Add, Mul
from pytensor.tensor.elemwise import Elemwise

Backend = Literal["fast", "default"]


@node_rewriter([Elemwise])
def _two_by_two(_fgraph: Any, node: Any) -> Any:
    if len(node.inputs) > 2 and isinstance(node.op.scalar_op, Add | Mul):
        return [reduce(node.op, node.inputs)]
    return None


def compile_mode(backend: Backend) -> Mode:
    """Compile mode: "fast" to compile (numpy only, no C compiler), or PyTensor's default.

    FAST_COMPILE as such does not stabilise log-sum-exp (PyTensor 2.38), and leaves sums and products of more
    than two terms, which numpy's ufuncs cannot do and PyTensor then does element by element in Python.
    """
    if backend == "default":
        return get_mode(None)
    last = 100
    return get_mode("FAST_COMPILE").including("stabilize").register((dfs_rewriter(_two_by_two), last))


@node_rewriter([OpFromGraph])
def _inline(_fgraph: Any, node: Any) -> Any:
    inner = node.op.fgraph
    if hasattr(inner, "bind"):  # PyTensor 3 freezes it
        return inner.bind(node.inputs)
    return clone_replace(inner.outputs, replace=dict(zip(inner.inputs, node.inputs, strict=True)))


def untraced(outputs: Any) -> Any:
    """A copy of a graph, or of a list of graphs, that does not remember where each node was written.

    PyTensor adds these memories up with every rewrite: in the second derivatives of a mixture they fill the memory.
    """
    copies = clone_replace(outputs, replace={})
    for variable in ancestors(copies if isinstance(copies, list) else [copies]):
        variable.tag.trace = []
    return copies


def inlined(outputs: list[Any]) -> list[Any]:
    """Graphs without graphs inside: what is wrapped in an op of its own is not vectorised but looped over."""
    return list(rewrite_graph(outputs, include=(), custom_rewrite=dfs_rewriter(_inline)))
