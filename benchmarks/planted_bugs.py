"""The matrix bug x check, and the rate of both errors.

Run by hand:

    python benchmarks/audit_outside.py --keep outside.json       audits the EMs by others first
    python benchmarks/planted_bugs.py --outside outside.json     writes reports/planted_bugs.md
    python benchmarks/audit_errors.py                            prints the rates on our own zoo alone

Correct EMs that were audited are kept in --keep FILE (JSON), so that the study can be taken up again.
"""

import argparse
import importlib.util
import json
import sys
import warnings
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from audit_outside import interval, tables  # noqa: E402 - it stands beside this file

HEAD = """# Planted bugs

How often the audit errs, in both directions, with 95 % intervals (Clopper and Pearson 1934, Biometrika 26, 404-413).
Written by `benchmarks/planted_bugs.py`.
"""
OWN = """Every wrong EM of `tests/comparisons/audit/zoo`, put to every check: `x` failed, `r` a remark, `g` generalised
and `a` accelerated EM (right, and more or less than EM), `.` passed, blank: does not apply. In bold the check that the
bug was written for.
"""
MARKS = {
    "failed": "x",
    "remark": "r",
    "generalised EM": "g",
    "accelerated EM": "a",
    "passed": ".",
    "not applicable": " ",
}


def zoo():
    """Load the package of wrong and right EMs, which stands beside the tests."""
    path = ROOT / "tests" / "comparisons" / "audit" / "conftest.py"
    spec = importlib.util.spec_from_file_location("audit_conftest", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    import audit_zoo
    import audit_zoo.correct
    import audit_zoo.data

    return audit_zoo


def audited(make, case, reference):
    """Outcome of every check."""
    from comparisons.audit import CHECKS, run_check, subject_of

    subject = subject_of(None, case, make)
    return {name: str(run_check(name, subject, reference).outcome) for name in CHECKS}


def bugs():
    """Every wrong EM with its outcomes."""
    from comparisons.audit.guard import time_limit
    from comparisons.audit.reference import Reference

    found = zoo()
    references = {}
    rows = []
    for bug in found.BUGS:
        case = found.data.case(bug.case)
        reference = references.setdefault(bug.case, Reference(case))
        token = time_limit.set(0.1 if bug.name == "Hangs" else 20.0)
        rows.append((bug, audited(bug.make, case, reference)))
        time_limit.reset(token)
    return rows


def study(index):
    """The correct EMs of one data set, [data set, EM, outcomes]."""
    from comparisons.audit.guard import time_limit
    from comparisons.audit.reference import Reference

    warnings.simplefilter("ignore")
    time_limit.set(120.0)
    found = zoo().correct.study(index)
    reference = Reference(found.case, index)
    return index, [[found.name, kind, audited(make, found.case, reference)] for kind, make in found.ems.items()]


def correct(data_sets, keep=None, processes=2):
    """Every correct EM, (data set, EM, outcomes), in the order of the data sets."""
    done = json.loads(keep.read_text()) if keep and keep.exists() else {}
    with Pool(processes, maxtasksperchild=8) as pool:
        for index, rows in pool.imap_unordered(study, [index for index in data_sets if str(index) not in done]):
            done[str(index)] = rows
            if keep:
                keep.write_text(json.dumps(done))
    return [row for index in data_sets for row in done[str(index)]]


def rates(wrong, right):
    """Table of both errors."""
    planted = [(bug, outcomes) for bug, outcomes in wrong if not bug.remark]
    unusual = [(bug, outcomes) for bug, outcomes in wrong if bug.remark]
    missed = sum("failed" not in outcomes.values() for _, outcomes in planted)
    elsewhere = sum(outcomes[bug.check] != "failed" for bug, outcomes in planted)
    faulted = sum("failed" in outcomes.values() for _, outcomes in unusual)
    alarms = sum("failed" in outcomes.values() for *_, outcomes in right)
    applied = sum(outcome != "not applicable" for *_, outcomes in right for outcome in outcomes.values())
    sets = len({name for name, *_ in right})
    of_correct = f"correct EMs that some check failed ({sets} data sets, {applied} checks that applied)"
    lines = ["| error | found | of | rate | 95 % interval |", "|---|---:|---:|---:|---|"]
    for what, found, size in (
        ("wrong EMs that no check failed", missed, len(planted)),
        ("wrong EMs missed by the check written for them", elsewhere, len(planted)),
        ("right but unusual EMs called wrong", faulted, len(unusual)),
        (of_correct, alarms, len(right)),
    ):
        lines.append(f"| {what} | {found} | {size} | {found / max(size, 1):.1%} | {interval(found, size)} |")
    return "\n".join(lines)


def matrix(wrong):
    """Table bug x check."""
    checks = list(wrong[0][1])
    lines = ["| bug | data | " + " | ".join(f"`{name}`" for name in checks) + " |", "|---|---|" + ":-:|" * len(checks)]
    for bug, outcomes in wrong:
        cells = [f"**{MARKS[outcomes[c]]}**" if c == bug.check else MARKS[outcomes[c]] for c in checks]
        lines.append(f"| {bug.description} | {bug.case} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    """Write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-sets", type=int, help="only the first so many")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--outside", type=Path, required=True, help="what benchmarks/audit_outside.py kept")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "planted_bugs.md")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    wrong, right = bugs(), correct(zoo().correct.INDICES[: given.data_sets], given.keep)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    by_others = tables(json.loads(given.outside.read_text()))
    given.out.write_text(
        f"{HEAD}\n## EMs by others\n\n{by_others}\n\n## Our own\n\n{OWN}\n{rates(wrong, right)}\n\n{matrix(wrong)}\n"
    )


if __name__ == "__main__":
    main()
