"""Both error rates of the audit on EMs by authors who have not read its checks, by class of bug and style of EM.

Run by hand:

    python benchmarks/audit_outside.py --keep outside.json          audits all, some minutes on two cores
    python benchmarks/audit_outside.py --keep outside.json --table  prints the tables from what was kept

The EMs are those of `tests/comparisons/audit/outside`. What was kept is taken up again; --only NAME audits one anew.
"""

import argparse
import importlib.util
import json
import sys
import time
from collections import defaultdict
from contextlib import redirect_stdout
from io import StringIO
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Seconds that one call of an EM may take.
TIME_LIMIT = 20.0


def outsiders():
    """Load the package of EMs, which stands beside the tests."""
    if "audit_outside" not in sys.modules:
        folder = ROOT / "tests" / "comparisons" / "audit" / "outside"
        spec = importlib.util.spec_from_file_location(
            "audit_outside", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        sys.modules["audit_outside"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["audit_outside"])
    import audit_outside
    import audit_outside.data

    return audit_outside


def audited(name):
    """What the command line would say of one EM: level, seconds, the findings that are no plain pass."""
    from comparisons import catalogue
    from comparisons.audit import guard
    from comparisons.audit.finding import Outcome, level_of
    from comparisons.audit.run import audit
    from comparisons.audit.subject import is_fit

    package = outsiders()
    entry = next(entry for entry in package.OUTSIDERS if entry.name == name)
    case = package.data.CASES.get(entry.problem) or catalogue.load(entry.problem)
    guard.time_limit.set(TIME_LIMIT)
    begun = time.perf_counter()
    try:
        with redirect_stdout(StringIO()):
            fit = is_fit(entry.make, case)
            findings = audit(entry.make if fit else None, case, factory=None if fit else entry.make)
    except guard.Trouble as trouble:
        return name, {"level": "refused", "seconds": 0.0, "findings": [["form", "refused", str(trouble), ""]]}
    told = [
        [f.check, str(f.outcome), f.found, f.meaning]
        for f in findings
        if f.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
    ]
    if findings[0].check == "the EM itself":
        return name, {"level": "refused", "seconds": time.perf_counter() - begun, "findings": told}
    return name, {"level": str(level_of(findings)), "seconds": time.perf_counter() - begun, "findings": told}


def tables(kept):
    """Both error rates by class of bug and by style."""
    package = outsiders()
    groups = defaultdict(list)
    for entry in package.OUTSIDERS:
        if entry.name in kept:
            caught = kept[entry.name]["level"] == "wrong"
            side = "wrong" if entry.wrong else "right"
            for key in (("all", side), (entry.bug or "right", side), (entry.style, side)):
                groups[key].append(caught)
    lines = []
    for (what, side), caught in groups.items():
        lines.append(f"{side:6s} {what:36s} called wrong {sum(caught):4d} of {len(caught):4d}")
    return "\n".join(sorted(lines))


def main():
    """Audit what is not kept yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    kept = json.loads(options.keep.read_text()) if options.keep.exists() else {}
    names = [e.name for e in outsiders().OUTSIDERS if e.name not in kept]
    if not options.table:
        with Pool(options.processes, maxtasksperchild=12) as pool:
            for name, found in pool.imap_unordered(audited, options.only or names):
                kept[name] = found
                options.keep.write_text(json.dumps(kept))
                print(f"{found['level']:20s} {found['seconds']:6.1f} s  {name}", flush=True)
    print(tables(kept))


if __name__ == "__main__":
    main()
