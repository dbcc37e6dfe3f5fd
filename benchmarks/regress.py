"""Has something become slower.

Run by hand, on a machine that does nothing else:

    python benchmarks/regress.py            compares with benchmarks/regress.json
    python benchmarks/regress.py --write    writes it anew

Each row is the least of some runs, as a multiple of a calibration loop that runs before it and after it: matrix
products and exponentials of the sizes that the suite works with. So a slower machine is not taken for slower code.
Exit status 1 if a row takes more than 1.5 times what it took.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from em_speed import simulated  # it stands beside this file

from comparisons import catalogue, crosscheck
from comparisons.case import Case
from comparisons.families import two_pl
from comparisons.optima.starts import draw_starts
from em_reference import em
from em_reference.response_patterns import unique_patterns

TABLE = Path(__file__).with_name("regress.json")
RUNS, SLOWER = 7, 1.5


def calibration() -> float:
    """Seconds of a fixed loop of matrix products and exponentials."""
    rng = np.random.default_rng(0)
    design, surface = (rng.random((5_000, 40)) < 0.5).astype(float), rng.normal(0, 0.1, (40, 61))
    begun = time.perf_counter()
    for _ in range(20):
        posterior = np.exp(design @ surface)
        design.T @ posterior
    return time.perf_counter() - begun


def least(work: Callable[[], object]) -> float:
    """The least multiple of the calibration loop."""
    work()
    found = []
    for _ in range(RUNS):
        before = calibration()
        begun = time.perf_counter()
        work()
        seconds = time.perf_counter() - begun
        found.append(seconds / min(before, calibration()))
    return min(found)


def sample(examinees: int, items: int) -> Case:
    """Simulated 2PL responses."""
    return two_pl.bind("sample", simulated(examinees, items).astype(float), tuple(map(str, range(items))))


def rows() -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    case, coins = sample(5_000, 40), catalogue.load("coins")
    objective = case.objective()
    x = np.repeat([0.0, 1.0], 40)
    one = case.to_em({name: values[None] for name, values in objective.natural(x).items()})
    many = coins.to_em(draw_starts(coins, 1_000, 0))
    responses = (np.random.default_rng(1).random((100_000, 50)) < 0.5).astype(np.int8)
    # Another point each time: Hessians of large data are kept.
    points = iter(x + np.random.default_rng(2).normal(0, 0.01, (100, len(x))))
    return {
        "E-step, 5,000 x 40": lambda: case.em.e_step(one),
        "value and gradient in PyMC, 5,000 x 40": lambda: objective.value_and_gradient(x),
        "Hessian in PyMC, 5,000 x 40": lambda: objective.hessian(next(points)),
        "1,000 starts of three coins, EM": lambda: em(coins.em, many, coins.stop),
        "response patterns, 100,000 x 50": lambda: unique_patterns(responses, None),
        "cross-check of LSAT-6, 20 starts": lambda: crosscheck("lsat6", 20),
    }


def main() -> int:
    """Print the table; 1 if a row is slower."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    known = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    found = {name: round(least(work), 3) for name, work in rows().items()}
    print("| work | calibration loops | before | ratio |\n|---|---:|---:|---:|")
    for name, value in found.items():
        before = known.get(name)
        print(f"| {name} | {value:.3g} | {before or '-'} | {'-' if not before else f'{value / before:.2f}'} |")
    if given.write:
        TABLE.write_text(json.dumps(found, indent=2) + "\n")
    slower = [name for name, value in found.items() if not given.write and value > SLOWER * known.get(name, np.inf)]
    for name in slower:
        print(f"slower: {name}")
    return bool(slower)


if __name__ == "__main__":
    sys.exit(main())
