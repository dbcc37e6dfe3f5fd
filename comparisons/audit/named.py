"""What the user names on the command line as an EM: refused where it can be none."""

import inspect
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from comparisons.audit.guard import readable


def no_em(target: Any) -> str | None:
    """Why a thing that the user names can be neither an EM nor what makes one, or None; nothing is called.

    Raises
    ------
    Trouble
    """
    with readable("the EM"):
        acts = [name for name in ("e_step", "m_step", "step", "fit") if callable(getattr(target, name, None))]
        if inspect.ismodule(target):
            return "it is a module"
        if not callable(target):
            found = type(target).__name__
            return None if {"step", "fit"} & set(acts) or len(acts) == 2 else f"it is {found} and has no step of an EM"
        if _of_python(target.func if isinstance(target, partial) else target):
            return "it is a part of Python or NumPy"
        if acts:
            return None
        with suppress(ValueError):
            signature = inspect.signature(target)
            if not signature.parameters:
                return f"it takes {signature}"
        return None


def _of_python(target: Any) -> bool:
    """Whether this was written as a part of Python, NumPy or SciPy; the user's own module may bear such a name."""
    home = (getattr(target, "__module__", None) or type(target).__module__).partition(".")[0]
    file = getattr(sys.modules.get(home), "__file__", None)
    if home in sys.stdlib_module_names:
        return file is None or Path(file).is_relative_to(Path(inspect.__file__).parent)
    return home in ("numpy", "scipy")
