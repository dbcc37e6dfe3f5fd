"""Lists of numbers by the name of the parameter, as JSON or Python has them: `weights_`, `means_`, ..."""

from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import Any

from comparisons.adjudicate.estimates import listed
from comparisons.adjudicate.forms._by_name import Written, bare, places
from comparisons.case import Case, InputError, Parameter, scalar_name

Shape = tuple[int, ...]


def of_lists(
    found: Mapping[str, Any],
    case: Case,
    path: str,
    called: Mapping[str, str] | None = None,
    beside: Collection[str] = (),
) -> tuple[list[Written], list[str]]:
    """Numbers of nested lists, of dicts by label, or single ones under the names of their parameters, and notes.

    Parameters
    ----------
    found : dict
    case : Case
    path : str
    called : dict of str -> str, optional
        Other words for parameters.
    beside : collection of str
        Names of what stands beside the parameters and is not read.

    Raises
    ------
    InputError
        If a name is unknown, or the numbers of a parameter are not of its shape.
    """
    known, written, left = places(case), list[Written](), list[str]()
    for key, value in found.items():
        name = _parameter(key, case, called or {})
        if name is not None and isinstance(value, list | tuple):
            written += _of_list(case.by_name[name], value, f"{path}, {key!r}")
        elif name is not None and isinstance(value, dict):
            written += (Written(scalar_name(name, label), text) for label, text in _of_dict(value, ()))
        elif name is not None and bare(name) not in known:
            raise InputError(f"{path}, {key!r}: one number, expected a list of {case.sizes[name]}")
        elif key.rstrip("_") in beside:
            left.append(key)
        else:
            written.append(Written(name or key, _text(value)))
    return written, [f"not used: {listed(left)}"] if left else []


def _parameter(key: str, case: Case, called: Mapping[str, str]) -> str | None:
    """The parameter that a key means: `weights_`, `weights` and `weight` mean `weight`."""
    if key in case.by_name:
        return key
    word = key.rstrip("_")
    candidates = (word, word.removesuffix("s"), word.removesuffix("es"), f"{word.removesuffix('ies')}y")
    return next((called.get(one, one) for one in candidates if called.get(one, one) in case.by_name), None)


def _of_list(parameter: Parameter, value: Any, where: str) -> Iterator[Written]:
    """Numbers of every cell, that of a matrix too; axes of one entry may be there or not."""
    shape = _shape(value, where)
    if _longer(shape) != _longer(parameter.shape):
        axes = " x ".join(axis.name for axis in parameter.axes)
        raise InputError(f"{where}: numbers in the shape {_in_words(shape)}, expected {_in_words(parameter.shape)}"
                         f"{f' ({axes})' if axes else ''}")  # fmt: skip
    labels = (", ".join(cell) for cell in product(*(axis.labels for axis in parameter.axes)))
    for label, text in zip(labels, _flat(value), strict=True):
        yield Written(scalar_name(parameter.name, label), text)


def _of_dict(value: Any, labels: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Label and number of every entry of dicts in dicts."""
    if isinstance(value, dict):
        for label, part in value.items():
            yield from _of_dict(part, (*labels, str(label)))
    else:
        yield ", ".join(labels), _text(value)


def _shape(value: Any, where: str) -> Shape:
    """Shape of lists in lists, which must all be of one length."""
    if not isinstance(value, list | tuple):
        return ()
    shapes = {_shape(part, where) for part in value}
    if len(shapes) != 1:
        raise InputError(f"{where}: lists of different lengths, or none, expected an array of numbers")
    return (len(value), *shapes.pop())


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _flat(part)
    else:
        yield _text(value)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _longer(shape: Shape) -> Shape:
    return tuple(length for length in shape if length != 1)


def _in_words(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "of one number"
