"""Loads what stands beside the tests and no import path leads to: `audit_zoo`, a package, and `audit_causes`."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

HERE = Path(__file__).parent


def load(name: str, file: Path, folder: Path | None = None) -> None:
    if name not in sys.modules:
        inside = None if folder is None else [str(folder)]
        spec = spec_from_file_location(name, file, submodule_search_locations=inside)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


load("audit_zoo", HERE / "zoo" / "__init__.py", HERE / "zoo")
load("audit_causes", HERE / "causes.py")
