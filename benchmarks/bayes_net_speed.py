"""Speed of the EM of Bayesian networks on ALARM (Beinlich et al. 1989), beside pyAgrum's.

Run by hand, with pyagrum installed for the second half:

    python benchmarks/bayes_net_speed.py [--rows 10000] [--missing 0.2]

Rows are drawn from the tables of alarm.bif, then cells are removed at random. Prints the seconds that it takes to lay
out the sums, those of one cycle, and where both end: the maximum under Dirichlet(2) priors.
"""

import argparse
import importlib.util
import os
import tempfile
import time
from pathlib import Path

# One core each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from comparisons.reading.bif import NetworkText
from comparisons.reading.networks import read_network
from em_reference import StopRule, em
from em_reference.bayes_net import BayesNet, NetworkParams
from em_reference.network import Network

# Concentration of the Dirichlet priors.
PRIOR = 2.0
ALARM = Path(__file__).with_name("alarm.bif")


def network_of(text: NetworkText) -> tuple[Network, np.ndarray]:
    """The network, and its tables side by side."""
    place = {name: number for number, name in enumerate(text.variables)}
    parents = tuple(tuple(place[parent] for parent in text.parents[name]) for name in text.variables)
    tables = np.concatenate([text.tables[name].ravel() for name in text.variables])
    return Network(tuple(len(text.states[name]) for name in text.variables), parents), tables


def drawn(network: Network, tables: np.ndarray, rows: int, missing: float, seed: int = 1989) -> np.ndarray:
    """Rows by forward sampling, cells removed at random."""
    rng, found, left = (
        np.random.default_rng(seed),
        np.zeros((rows, len(network.states))),
        set(range(len(network.states))),
    )
    while left:
        for child in sorted(left):
            if left.isdisjoint(network.parents[child]):
                found[:, child] = 0
                first = network.entries(child, found)
                chances = tables[first[:, None] + np.arange(network.states[child])].cumsum(axis=1)
                found[:, child] = (rng.random(rows)[:, None] > chances[:, :-1]).sum(axis=1)
                left.discard(child)
    return np.where(rng.random(found.shape) < missing, np.nan, found)


def theirs(text: NetworkText, rows: np.ndarray, cycles: int) -> tuple[str, np.ndarray]:
    """At most so many cycles of pyAgrum's EM on the same rows, in words; and its tables."""
    import pyagrum

    def cells(row: np.ndarray) -> list[str]:
        return ["?" if np.isnan(x) else text.states[v][int(x)] for v, x in zip(text.variables, row, strict=True)]

    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rows.csv"
        table.write_text("\n".join(",".join(line) for line in (text.variables, *map(cells, rows))))
        template = pyagrum.loadBN(str(ALARM))
        begun = time.perf_counter()
        learner = pyagrum.BNLearner(str(table), template, ["?"])
        # Without a prior it refuses a configuration of parents that no row has.
        learner.useSmoothingPrior(PRIOR - 1)
        learner.useEM(1e-12)
        learner.EMsetMaxIter(cycles)
        learned = learner.learnParameters(template.dag())
        seconds, done = time.perf_counter() - begun, learner.EMnbrIterations()
    found = []
    for name in text.variables:
        table_of = learned.cpt(name)
        axes = [*text.parents[name], name]
        # Its arrays have the variables in the opposite order of `names`; labels may be in another order than ours.
        values = np.transpose(table_of.toarray(), [list(table_of.names)[::-1].index(axis) for axis in axes])
        order = [[list(learned.variable(axis).labels()).index(state) for state in text.states[axis]] for axis in axes]
        found.append(values[np.ix_(*order)].ravel())
    words = f"pyAgrum {pyagrum.__version__}: {seconds / max(done, 1):.4f} s a cycle, {done} cycles"
    return words, np.concatenate(found)


def main() -> None:
    """Time both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--missing", type=float, default=0.2)
    parser.add_argument("--cycles", type=int, default=40)
    given = parser.parse_args()
    text = read_network(str(ALARM))
    network, tables = network_of(text)
    rows = drawn(network, tables, given.rows, given.missing)

    begun = time.perf_counter()
    problem = BayesNet(network, rows, prior=np.full(network.size, PRIOR))
    sums = sum(len(level.marginal) for level in problem.plan.levels)
    laid_out = time.perf_counter() - begun
    even = np.ones(network.size) / network.sums(np.ones(network.size))
    begun = time.perf_counter()
    fit = em(problem, NetworkParams(even), StopRule(1e-12, max_cycles=given.cycles))
    seconds = (time.perf_counter() - begun) / int(fit.cycles)
    print(f"{len(rows)} rows, {given.missing:.0%} of the cells missing: {sums} terms, laid out in {laid_out:.2f} s")
    print(f"ours: {seconds:.4f} s a cycle, log-posterior {float(fit.log_posterior):.6f} after {int(fit.cycles)} cycles")
    if importlib.util.find_spec("pyagrum") is None:
        print("pyagrum is not installed")
    else:
        words, tables = theirs(text, rows, given.cycles)
        print(f"{words}, log-posterior {float(problem.e_step(NetworkParams(tables)).objective):.6f}")
        print(f"largest difference of a probability: {np.abs(tables - fit.params.probability).max():.1e}")


if __name__ == "__main__":
    main()
