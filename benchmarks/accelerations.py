"""Ways to accelerate EM, from the same starts: E-steps, seconds, and where they end.

Run by hand: python benchmarks/accelerations.py prints two Markdown tables.

Plain EM, SQUAREM (`em_reference.acceleration`), the quasi-Newton method of Zhou, Alexander and Lange (2011, Statistics
and Computing 21, 261-273, section 2) with 1 and 5 secants, and Anderson's method with monitoring
(`em_reference.anderson`). A start has arrived when its log-likelihood is within 1e-9 of the highest that any way found
from that start; what it takes further is not counted. "Lower" are starts that end more than 1e-6 below plain EM. The
second table counts them over 200 starts of problems with several optima.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from comparisons import catalogue
from comparisons.case import Case
from comparisons.families import two_pl
from comparisons.optima.starts import draw_starts
from em_reference import StopRule, em
from em_reference.anderson import carry_on
from em_reference.layout import Layout

MOST = 3_000
CLOSE, BELOW = 1e-9, 1e-6
STARTS = 5


class Counting(NamedTuple):
    """A problem that counts its E-steps and keeps what they found, of one start."""

    problem: object
    found: list[tuple[float, float]]
    begun: float

    def e_step(self, params):
        """Of the problem; the log-likelihood (with the log prior) and the time are kept."""
        expectation = self.problem.e_step(params)
        self.found.append((float(np.max(expectation.objective)), time.perf_counter() - self.begun))
        return expectation

    def __getattr__(self, name):
        return getattr(self.problem, name)


def quasi_newton(problem: Counting, start, stop: StopRule, secants: int) -> None:
    """x' = M(x) - V (U'U - U'V)^-1 U' (x - M(x)), U = M(x) - x and V = M(M(x)) - M(x) of the last secants (eq. 7)."""
    layout = Layout.of(start, (1,))

    def step(x):
        expectation = problem.e_step(layout.unflatten(x))
        moved = layout.flatten(problem.m_step(expectation.expected_counts, layout.unflatten(x)))
        return moved, float(expectation.objective[0])

    x = layout.flatten(start)
    us, vs = [], []
    for _ in range(MOST // 2):
        once, _ = step(x)
        twice, higher = step(once)
        u, v = (once - x)[0], (twice - once)[0]
        if np.abs(v).max() <= stop.tolerance:
            return
        us, vs = [*us, u][-secants:], [*vs, v][-secants:]
        first, second = np.array(us).T, np.array(vs).T
        try:
            new = once + (second @ np.linalg.solve(first.T @ first - first.T @ second, first.T @ u))[None]
        except np.linalg.LinAlgError:
            new = twice
        inside = np.isfinite(new).all() and bool(problem.feasible(layout.unflatten(new)).all())
        # Monotone: what is lower than where plain EM stands is dropped.
        # Its E-step opens the next round, where it is counted.
        x = new if inside and float(problem.problem.e_step(layout.unflatten(new)).objective[0]) >= higher else twice


WAYS: dict[str, Callable] = {
    "plain": lambda problem, start, stop: em(problem, start, stop),
    "SQUAREM": lambda problem, start, stop: em(problem, start, stop, accelerate=True),
    "quasi-Newton, 1": lambda problem, start, stop: quasi_newton(problem, start, stop, 1),
    "quasi-Newton, 5": lambda problem, start, stop: quasi_newton(problem, start, stop, 5),
    "Anderson": lambda problem, start, stop: carry_on(problem, start, stop),
}


def problems() -> Iterator[tuple[str, Case]]:
    """Small ones of the catalogue, and two calibration samples."""
    for name in ("lsat6-61", "coins", "faithful", "hasselblad", "carcinoma-3", "hidden-cause"):
        yield name, catalogue.load(name)
    for rows, items in ((1_000, 20), (5_000, 40)):
        rng = np.random.default_rng(1)
        slope, intercept = rng.uniform(0.6, 2.2, items), rng.normal(0, 1.2, items)
        logits = intercept + slope * rng.normal(size=(rows, 1))
        responses = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
        yield f"2PL, {rows:,} x {items}", two_pl.bind("sample", responses, tuple(map(str, range(items))))


def basins() -> None:
    """Print how many of 200 starts end elsewhere than plain EM: below it, or above."""
    print("\n| problem | SQUAREM below plain EM | above | Anderson below | above |")
    print("|---|---:|---:|---:|---:|")
    for name in ("carcinoma-3", "carcinoma-4", "hidden-cause", "coleman", "faithful", "murray", "coins", "lsat6"):
        case = catalogue.load(name)
        starts = case.to_em({key: values[1:] for key, values in draw_starts(case, 201, 5).items()})
        stop = StopRule(1e-11, "remaining", 5_000, units=case.stop.units)
        plain, *others = (
            fit.log_posterior
            for fit in (
                em(case.em, starts, stop),
                em(case.em, starts, stop, accelerate=True),
                carry_on(case.em, starts, stop),
            )
        )
        counted = [str(int(count.sum())) for ends in others for count in (ends < plain - BELOW, ends > plain + BELOW)]
        print(f"| {name} | " + " | ".join(counted) + " |", flush=True)


def speed() -> None:
    """Print E-steps and seconds."""
    print("| problem | " + " | ".join(f"{way} | s | lower" for way in WAYS) + " |")
    print("|---|" + "---:|---:|---:|" * len(WAYS))
    for name, case in problems():
        starts = draw_starts(case, STARTS + 1, 0)
        stop = StopRule(1e-13, "change", MOST)
        runs = {way: [] for way in WAYS}
        for index in range(1, STARTS + 1):
            start = case.to_em({key: values[[index]] for key, values in starts.items()})
            for way, run in WAYS.items():
                counting = Counting(case.em, [], time.perf_counter())
                run(counting, start, stop)
                runs[way].append(counting.found)
        cells = []
        for way in WAYS:
            steps, seconds, lower = [], [], 0
            for index, found in enumerate(runs[way]):
                ends = np.fmax.accumulate([height for height, _ in found])
                lower += bool(ends[-1] < runs["plain"][index][-1][0] - BELOW)
                arrived = int(np.argmax(ends >= ends[-1] - CLOSE))
                steps.append(arrived + 1)
                seconds.append(found[arrived][1])
            cells += [f"{np.median(steps):.0f}", f"{np.median(seconds):.2g}", str(lower)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    speed()
    basins()
