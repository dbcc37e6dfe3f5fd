"""Rate of both errors of the audit: wrong EMs that are missed, correct EMs that are faulted.

Run by hand: python benchmarks/audit_errors.py [--data-sets N] [--keep FILE]. Two or three correct EMs per
random data set; the default makes more than 300 of them and takes about half an hour on one core.
"""

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from planted_bugs import bugs, correct, rates, zoo


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-sets", type=int, help="only the first so many")
    parser.add_argument("--keep", type=Path, help="JSON file that keeps what was done")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    right = correct(zoo().correct.INDICES[: given.data_sets], given.keep)
    print(rates(bugs(), right))
    for name, kind, outcomes in right:
        faults = [check for check, outcome in outcomes.items() if outcome not in ("passed", "not applicable")]
        if faults:
            print(f"{name}, {kind}: {', '.join(faults)}")


if __name__ == "__main__":
    main()
