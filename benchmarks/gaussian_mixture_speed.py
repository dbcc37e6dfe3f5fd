"""Speed of the EM of normal mixtures beside scikit-learn's.

Run by hand, with scikit-learn installed:

    OMP_NUM_THREADS=1 python benchmarks/gaussian_mixture_speed.py

prints a Markdown table. The two programs take turns, and the fastest of several runs of each counts.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

from em_reference import StopRule, em
from em_reference.covariances import cholesky, inverse_factor
from em_reference.gaussian_mixture import GaussianMixture, GaussianParams

ROOT = Path(__file__).resolve().parents[1]
FAITHFUL = ROOT / "comparisons" / "catalogue" / "faithful.csv"


def fastest(runs, *ways):
    """Least seconds of each way, taken in turns."""
    seconds = np.full(len(ways), np.inf)
    for _ in range(runs):
        for place, way in enumerate(ways):
            begin = time.perf_counter()
            way()
            seconds[place] = min(seconds[place], time.perf_counter() - begin)
    return seconds


def cycle(rows, variables, components, runs):
    """One cycle of each, full covariances, from the same parameters."""
    from sklearn.mixture import GaussianMixture as Theirs

    rng = np.random.default_rng(0)
    center = rng.normal(scale=3.0, size=(components, variables))
    values = center[rng.integers(components, size=rows)] + rng.normal(size=(rows, variables))
    params = GaussianParams(np.full(components, 1 / components), center, np.stack([np.eye(variables)] * components))
    ours = GaussianMixture(values, components)
    _ = ours.blocks

    def our_cycle():
        expectation = ours.e_step(params)
        return ours.m_step(expectation.expected_counts, params), float(expectation.log_likelihood)

    theirs = Theirs(components, covariance_type="full")
    theirs.weights_, theirs.means_ = params.weight, params.mean
    theirs.covariances_ = params.covariance
    theirs.precisions_cholesky_ = np.swapaxes(inverse_factor(cholesky(params.covariance)), 1, 2)

    def their_cycle():
        mean, log_responsibilities = theirs._e_step(values)
        theirs._m_step(values, log_responsibilities)
        found = theirs.means_.copy(), mean * rows
        theirs.weights_, theirs.means_, theirs.covariances_ = params.weight, params.mean, params.covariance
        theirs.precisions_cholesky_ = np.swapaxes(inverse_factor(cholesky(params.covariance)), 1, 2)
        return found

    (new, height), (mean, their_height) = our_cycle(), their_cycle()
    same = f"log-likelihoods differ by {abs(height - their_height):.1e}, means by {np.abs(new.mean - mean).max():.1e}"
    return *fastest(runs, our_cycle, their_cycle), same


def starts(number, runs):
    """Many starts of two components on Old Faithful's waiting times, to the same tolerance of the log-likelihood."""
    from sklearn.mixture import GaussianMixture as Theirs

    waiting = np.loadtxt(FAITHFUL, delimiter=",", skiprows=1)[:, 1]
    found = {}

    def ours():
        rng = np.random.default_rng(0)
        start = GaussianParams(
            rng.dirichlet(np.ones(2), number), rng.choice(waiting, (number, 2)), rng.uniform(10, 180, (number, 2))
        )
        fit = em(GaussianMixture(waiting, 2), start, StopRule(1e-4, max_cycles=500))
        found["ours"] = float(np.nanmax(fit.log_likelihood))

    def theirs():
        fit = Theirs(2, n_init=number, init_params="random_from_data", tol=1e-6, max_iter=500, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit.fit(waiting[:, None])
        found["theirs"] = fit.score(waiting[:, None]) * len(waiting)

    seconds = fastest(runs, ours, theirs)
    return *seconds, f"best log-likelihood {found['ours']:.7f} and {found['theirs']:.7f}"


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--starts", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    print("| what | seconds | scikit-learn | ratio | |\n|---|---:|---:|---:|---|")
    one = f"one cycle, {given.rows:,} x 8, 10 components, full"
    for what, (ours, theirs, said) in (
        (one, cycle(given.rows, 8, 10, given.runs)),
        (f"{given.starts:,} starts on Old Faithful, 2 components", starts(given.starts, given.runs)),
    ):
        print(f"| {what} | {ours:.3g} | {theirs:.3g} | {theirs / ours:.1f} | {said} |")


if __name__ == "__main__":
    main()
