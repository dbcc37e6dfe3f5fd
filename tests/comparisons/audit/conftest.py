"""Loads the zoo, a package beside the tests that no import path leads to, as `audit_zoo`."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

FOLDER = Path(__file__).parent / "zoo"


def load_zoo() -> None:
    if "audit_zoo" not in sys.modules:
        spec = spec_from_file_location("audit_zoo", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
        assert spec is not None
        assert spec.loader is not None
        sys.modules["audit_zoo"] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules["audit_zoo"])


load_zoo()
