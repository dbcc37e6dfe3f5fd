"""Speed of the hand-written EM. Run by hand: python benchmarks/em_speed.py prints a Markdown table.

Each row runs in a process of its own, so that its peak memory is its own. `--threads 1` keeps the
matrix products on one thread.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def clock():
    """Wall time and processor time (of all threads), in seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def lsat6(accelerate):
    """Time 1,000 starts of LSAT-6 on 61 nodes to a change of 1e-9."""
    from em_reference import StopRule, TwoPL, em
    from em_reference.two_pl import TwoPLParams

    data = np.loadtxt(ROOT / "tests" / "golden" / "lsat6.csv", delimiter=",", skiprows=1)
    rng = np.random.default_rng(0)
    start = TwoPLParams(rng.normal(0, 1, (1000, 5)), rng.lognormal(0, 0.5, (1000, 5)))
    begin = clock()
    fit = em(TwoPL(data[:, :5], data[:, 5]), start, StopRule(1e-9, "change"), accelerate=accelerate)
    seconds = clock() - begin
    reached = int((np.abs(fit.log_likelihood + 2466.6533775) < 1e-6).sum())
    return seconds, f"{reached} of 1,000 at the maximum, {fit.cycles.mean():.0f} cycles on average"


def coins(accelerate):
    """Time 10,000 random starts of the worked three-coin problem."""
    from em_reference import CoinMixture, StopRule, em
    from em_reference.coin_mixture import CoinParams

    heads = json.loads((ROOT / "tests" / "golden" / "coins.json").read_text())["heads"]
    rng = np.random.default_rng(0)
    start = CoinParams(rng.dirichlet(np.ones(3), 10_000), rng.random((10_000, 3)))
    begin = clock()
    fit = em(CoinMixture(heads, 10, 3), start, StopRule(1e-9), accelerate=accelerate)
    seconds = clock() - begin
    reached = int((np.abs(fit.log_likelihood + 35.1526058325) < 1e-6).sum())
    return seconds, f"{reached:,} of 10,000 at the maximum, {fit.cycles.mean():.0f} cycles on average"


def simulated(examinees=100_000, items=50):
    """Responses to items with log-normal slopes and normal intercepts."""
    rng = np.random.default_rng(1)
    slope, intercept, ability = rng.lognormal(0, 0.25, items), rng.normal(size=items), rng.normal(size=(examinees, 1))
    return (rng.random((examinees, items)) < 1 / (1 + np.exp(-(intercept + slope * ability)))).astype(np.int8)


def cycle():
    """Time one E- and M-step for 100,000 distinct rows, with the memory above the data and patterns."""
    from em_reference import TwoPL
    from em_reference.two_pl import TwoPLParams

    responses = simulated()
    problem = TwoPL(responses)
    distinct = len(problem.patterns.correct)
    params = TwoPLParams(np.zeros(50), np.ones(50))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(8):
        begin = clock()
        params = problem.m_step(problem.e_step(params).expected_counts, params)
        times.append(clock() - begin)
    above = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return np.median(times[1:], axis=0), f"{distinct:,} patterns, peak memory {above:.0f} MB above data and patterns"


def memory():
    """Peak memory of patterns, design and one cycle above the array of responses (tracemalloc)."""
    import tracemalloc

    from em_reference import TwoPL
    from em_reference.two_pl import TwoPLParams

    responses = simulated()
    tracemalloc.start()
    begin = clock()
    problem, params = TwoPL(responses), TwoPLParams(np.zeros(50), np.ones(50))
    problem.m_step(problem.e_step(params).expected_counts, params)
    seconds = clock() - begin
    return seconds, f"peak memory {tracemalloc.get_traced_memory()[1] / 2**20:.0f} MB above the responses, traced"


def fit():
    """Time a whole fit, from the array of responses to an estimated remaining error of 1e-6."""
    from em_reference import StopRule, TwoPL, em
    from em_reference.two_pl import TwoPLParams

    responses = simulated()
    begin = clock()
    result = em(TwoPL(responses), TwoPLParams(np.zeros(50), np.ones(50)), StopRule(1e-6), accelerate=True)
    seconds = clock() - begin
    return seconds, f"{result.status.item()}, {result.cycles} cycles, log-likelihood {result.log_likelihood:.6f}"


ROWS = {
    "1,000 starts of LSAT-6, 61 nodes, change 1e-9, plain": lambda: lsat6(False),
    "1,000 starts of LSAT-6, 61 nodes, change 1e-9, accelerated": lambda: lsat6(True),
    "10,000 starts of the three coins, plain": lambda: coins(False),
    "10,000 starts of the three coins, accelerated": lambda: coins(True),
    "one cycle, 100,000 x 50 x 61": cycle,
    "patterns and one cycle, 100,000 x 50 x 61, traced": memory,
    "whole fit, 100,000 x 50 x 61, accelerated, remaining error 1e-6": fit,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--row", choices=ROWS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row:
        seconds, remark = ROWS[arguments.row]()
        print(json.dumps([*seconds, remark]))
        return
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    if arguments.threads:
        environment["OPENBLAS_NUM_THREADS"] = str(arguments.threads)
    print("| what | seconds | processor seconds | |\n|---|---:|---:|---|")
    for name in ROWS:
        command = [sys.executable, __file__, "--row", name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        wall, processor, remark = json.loads(done.stdout)
        print(f"| {name} | {wall:.3g} | {processor:.3g} | {remark} |", flush=True)


if __name__ == "__main__":
    main()
