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
from contextlib import redirect_stdout
from io import StringIO
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Seconds that one call of an EM may take.
TIME_LIMIT = 20.0


FOLDER = ROOT / "tests" / "comparisons" / "audit"


def causes():
    """Load what an explanation has to say, which stands beside the tests."""
    if "audit_causes" not in sys.modules:
        spec = importlib.util.spec_from_file_location("audit_causes", FOLDER / "causes.py")
        sys.modules["audit_causes"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["audit_causes"])
    return sys.modules["audit_causes"]


def explanation(found):
    """What an audit says first of a cause: the first "usually", or the finding where there is none."""
    failed = [row for row in found["findings"] if row[1] in ("failed", "refused")]
    return (failed[0][3] or failed[0][2]) if failed else ""


def outsiders():
    """Load the package of EMs, which stands beside the tests."""
    if "outside_ems" not in sys.modules:
        folder = FOLDER / "outside"
        spec = importlib.util.spec_from_file_location(
            "outside_ems", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        sys.modules["outside_ems"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["outside_ems"])
    import outside_ems
    import outside_ems.data

    return outside_ems


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


def interval(found, size):
    """The 95 % interval of a rate by Clopper and Pearson, in words."""
    from scipy.stats import beta

    low = beta.ppf(0.025, found, size - found + 1) if found else 0.0
    high = beta.ppf(0.975, found + 1, size - found) if found < size else 1.0
    return f"{low:.1%} to {high:.1%}"


def tables(kept):
    """Both error rates by class of bug and by style, in Markdown, and each error by name."""
    package = outsiders()
    entries = [entry for entry in package.OUTSIDERS if entry.name in kept]
    errors = {e.name: (kept[e.name]["level"] == "wrong") != e.wrong for e in entries}
    wrong, right = [e for e in entries if e.wrong], [e for e in entries if not e.wrong]
    seconds = sorted(kept[e.name]["seconds"] for e in entries)
    text = [
        f"{len(wrong)} wrong and {len(right)} right EMs of `tests/comparisons/audit/outside`, in {len(package.STYLES)} "
        "styles, by authors who have not read the checks; those of the item response models had seen the names of some "
        "of the awkward data. The audit was mended where it erred on these EMs, so that on others it errs more often. "
        f"One audit takes {seconds[len(seconds) // 2]:.0f} s in the median, two at a time on two cores.\n",
        "| EMs | error | found | of | rate | 95 % interval |",
        "|---|---|---:|---:|---:|---|",
    ]
    groups = [("all wrong", "missed", wrong), ("all right", "called wrong", right)]
    groups += [(bug, "missed", [e for e in wrong if e.bug == bug]) for bug in package.BUGS]
    for remark in ("", *package.REMARKS):
        groups.append((f"right{remark and ', '}{remark}", "called wrong", [e for e in right if e.remark == remark]))
    for what, error, some in groups:
        if some:
            found = sum(errors[e.name] for e in some)
            rate = f"{found / len(some):.1%} | {interval(found, len(some))}"
            text.append(f"| {what} | {error} | {found} | {len(some)} | {rate} |")
    named = {e.name: causes().named(causes().OUTSIDE, e.name, explanation(kept[e.name])) for e in wrong}
    caught = [e for e in wrong if not errors[e.name]]
    text += ["", "Whether the first explanation names the cause, by patterns that were written from the descriptions "]
    text[-1] += "of the bugs (`tests/comparisons/audit/causes.py`):\n"
    text += ["| wrong EMs that were caught | cause named | of | rate | 95 % interval |", "|---|---:|---:|---:|---|"]
    for what, some in [("all", caught)] + [(bug, [e for e in caught if e.bug == bug]) for bug in package.BUGS]:
        if not some:
            continue
        found = sum(named[e.name] for e in some)
        text.append(f"| {what} | {found} | {len(some)} | {found / len(some):.1%} | {interval(found, len(some))} |")
    text += ["", "| style | wrong, missed | right, called wrong |", "|---|---:|---:|"]
    for style in package.STYLES:
        cells = []
        for some in (wrong, right):
            chosen = [e for e in some if e.style == style]
            cells.append(f"{sum(errors[e.name] for e in chosen)} of {len(chosen)}")
        text.append(f"| {style} | {cells[0]} | {cells[1]} |")
    text += ["", "| error | EM | what it is | what was said |", "|---|---|---|---|"]
    for e in entries:
        if errors[e.name]:
            told = next((row[2] for row in kept[e.name]["findings"]), "nothing").replace("|", "/")
            text.append(f"| {'missed' if e.wrong else 'called wrong'} | `{e.name}` | {e.cause} | {told} |")
    text += ["", "| caught, cause not named | what it is | what was said first |", "|---|---|---|"]
    for e in caught:
        if not named[e.name]:
            text.append(f"| `{e.name}` | {e.cause} | {explanation(kept[e.name]).replace('|', '/')} |")
    return "\n".join(text)


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
