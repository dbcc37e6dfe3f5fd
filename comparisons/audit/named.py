"""What the user names on the command line, MODULE:NAME: imported, and refused where it can be no EM."""

import inspect
import sys
import warnings
from contextlib import redirect_stdout, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.audit.guard import readable
from comparisons.errors import InputError


def named(name: str) -> Any:
    """What the user names, imported.

    Raises
    ------
    InputError
    """
    module_name, colon, attribute = name.partition(":")
    if not (colon and attribute and all(part.isidentifier() for part in module_name.split("."))):
        raise InputError(f"{name}: expected MODULE:NAME, as in my_em:MyEM for class MyEM in my_em.py")
    sys.path.insert(0, "")
    try:
        # What the module asks of NumPy and of warnings would hold for our side as well.
        with redirect_stdout(sys.stderr), np.errstate(), warnings.catch_warnings():
            found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            raise InputError(f"{name}: no module {error.name!r} here or among the installed ones") from None
        raise InputError(f"{name}: importing {module_name} needs {error.name}, which is not installed") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InputError(f"{name}: importing {module_name} raised {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove("")
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InputError(f"{name}: {module_name} has no {part!r}")
        found = getattr(found, part)
    return found


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
