"""Many starts of the latent class EM against those of StepMix, which runs them one after the other.

Run by hand, where stepmix is installed:

    python benchmarks/latent_classes_speed.py [--starts 100] [--respondents 2000] [--items 10] [--classes 3]

Both stop when the mean log-likelihood per respondent gains less than StepMix's default of 1e-10 in a cycle would;
ours by its own rule, which is stricter, so that the comparison is fair to StepMix. Prints seconds, cycles and the best
log-likelihood of both.
"""

import argparse
import os
import time

# One core each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from em_reference import StopRule, em
from em_reference.latent_classes import ClassParams, LatentClasses


def simulated(respondents: int, items: int, classes: int, seed: int = 0) -> np.ndarray:
    """Answers of 0 and 1, probabilities uniform between .1 and .9 in every class."""
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.1, 0.9, (classes, items))
    which = rng.integers(classes, size=respondents)
    return (rng.random((respondents, items)) < probability[which]).astype(float)


def starts_of(starts: int, items: int, classes: int, seed: int = 1) -> ClassParams:
    """Uniform on the simplex and between 0 and 1."""
    rng = np.random.default_rng(seed)
    second = rng.random((starts, classes, items))
    pairs = np.stack([1 - second, second], axis=-1).reshape(starts, classes, 2 * items)
    return ClassParams(rng.dirichlet(np.ones(classes), starts), pairs)


def main() -> None:
    """Time both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"starts": 100, "respondents": 2000, "items": 10, "classes": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    answers = simulated(given.respondents, given.items, given.classes)

    # A parameter that has 1e-6 to go costs less than 1e-10 of mean log-likelihood.
    stop, seconds = StopRule(1e-6, max_cycles=1000), {}
    for accelerate in (False, True):
        begun = time.perf_counter()
        problem = LatentClasses(answers, np.full(given.items, 2), given.classes)
        fit = em(problem, starts_of(given.starts, given.items, given.classes), stop, accelerate=accelerate)
        seconds[accelerate] = time.perf_counter() - begun
        how = "accelerated" if accelerate else "plain"
        reached = f"{fit.cycles.sum()} cycles, best {fit.log_likelihood.max():.6f}"
        print(f"{given.starts} starts at once, {how}: {seconds[accelerate]:.2f} s, {reached}")

    from stepmix.stepmix import StepMix

    begun = time.perf_counter()
    package = StepMix(
        n_components=given.classes, measurement="binary", n_init=given.starts, random_state=0, progress_bar=0, verbose=0
    )
    package.fit(answers)
    theirs = time.perf_counter() - begun
    height = package.lower_bound_ * given.respondents
    print(f"StepMix, n_init={given.starts}: {theirs:.2f} s, best {height:.6f}")
    print(f"ratio: {theirs / seconds[False]:.1f} plain, {theirs / seconds[True]:.1f} accelerated")


if __name__ == "__main__":
    main()
