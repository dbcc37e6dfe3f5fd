"""What libraries announce, and where they keep things, is no part of an answer.

Loads nothing, so that any command can begin with it.
"""

import atexit
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep to themselves what PyMC, PyTensor, ArviZ and matplotlib announce when they are loaded."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def prepare_libraries() -> None:
    """Tell matplotlib that nothing is shown, and give libraries a folder for their caches.

    It is one of this process where they could not write to the user's own.

    PyTensor and ArviZ cannot be imported without a folder to write to.
    """
    # Figures are files here: no window is looked for.
    os.environ.setdefault("MPLBACKEND", "agg")
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    try:
        # An empty HOME would be the current directory.
        home = Path.home() if os.environ.get("HOME") != "" else Path(os.devnull)
    except RuntimeError:
        home = Path(os.devnull)
    usual = {"XDG_CACHE_HOME": home / ".cache", "MPLCONFIGDIR": home / ".config" / "matplotlib"}
    wanted = {name: Path(os.environ.get(name) or folder) for name, folder in usual.items()}
    if "base_compiledir" not in flags:
        wanted["PYTENSOR_FLAGS"] = home / ".pytensor"
    lost = [name for name, folder in wanted.items() if not _can_be_written(folder)]
    if not lost:
        return
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="em-crosscheck-")
    # Registered before PyTensor's own farewell, so that it comes after it.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in lost:
        os.environ[name] = folder
    if "PYTENSOR_FLAGS" in lost:
        os.environ["PYTENSOR_FLAGS"] = ",".join(filter(None, [flags, f"base_compiledir={folder}"]))


def _can_be_written(folder: Path) -> bool:
    """Whether a folder is there to write to, or can be made."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if os.access(place, os.F_OK))
    return os.access(there, os.W_OK | os.X_OK) and there.is_dir()
