"""What the user names on the command line, MODULE:NAME or FILE.py:NAME, imported."""

import sys
import warnings
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.errors import InputError


def named(name: str) -> Any:
    """What the user names, imported.

    Raises
    ------
    InputError
    """
    module_name, colon, attribute = name.rpartition(":")
    folder = ""
    if module_name.endswith(".py"):
        file = Path(module_name)
        if not file.is_file():
            raise InputError(f"{name}: no file {module_name!r}")
        folder, module_name = str(file.parent), file.stem
    if not (colon and attribute and all(part.isidentifier() for part in module_name.split("."))):
        raise InputError(f"{name}: expected MODULE:NAME, as in my_em:MyEM for class MyEM in my_em.py, or FILE.py:NAME")
    sys.path.insert(0, folder)
    try:
        # What the module asks of NumPy and of warnings would hold for the audit as well.
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
        sys.path.remove(folder)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InputError(f"{name}: {module_name} has no {part!r}")
        found = getattr(found, part)
    return found
