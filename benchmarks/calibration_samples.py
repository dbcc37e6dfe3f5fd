"""Whole cross-checks of calibration samples, as a user runs them.

Run by hand:

    python benchmarks/calibration_samples.py [--repeat 5] [--large]

Simulated 2PL responses, `em-crosscheck compare two-pl FILE --starts N` in a process of its own: import, reading, both
sides from every start, kinds, checks, report with figures. Prints a Markdown table with medians and peak memory;
`--large` adds 100,000 examinees, some minutes each.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from em_speed import simulated  # it stands beside this file

COMMAND = "from comparisons.commands.main import main; main()"
# Examinees, items, starts.
SAMPLES = ((1_000, 20, 100), (5_000, 40, 100))
LARGE = ((100_000, 50, 5),)


def timed(path: Path, starts: int) -> tuple[float, float, str]:
    """Seconds, peak memory in MB, and the verdict of one run."""
    given = ["compare", "two-pl", str(path), "--starts", str(starts), "--out", str(path.parent), "--overwrite"]
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", COMMAND, *given], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status:
        raise SystemExit(said)
    return seconds, usage.ru_maxrss / 1024, said.splitlines()[1].split(":")[0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    given = parser.parse_args()
    print("| cross-check | median seconds | all runs | peak memory | |\n|---|---:|---|---:|---|")
    with tempfile.TemporaryDirectory() as folder:
        for examinees, items, starts in (*SAMPLES, *(LARGE if given.large else ())):
            path = Path(folder) / f"sample{examinees}.csv"
            header = ",".join(f"item{i + 1}" for i in range(items))
            np.savetxt(path, simulated(examinees, items), fmt="%d", delimiter=",", header=header, comments="")
            runs = [timed(path, starts) for _ in range(given.repeat if (examinees, items, starts) not in LARGE else 1)]
            seconds, memory = [run[0] for run in runs], max(run[1] for run in runs)
            all_runs = ", ".join(f"{value:.1f}" for value in seconds)
            work = f"{examinees:,} x {items}, 61 nodes, {starts} starts"
            median = statistics.median(seconds)
            print(f"| {work} | {median:.1f} | {all_runs} | {memory:.0f} MB | {runs[0][2]} |", flush=True)


if __name__ == "__main__":
    main()
