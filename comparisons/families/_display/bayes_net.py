"""How a Bayesian network is shown: the tables of its first cycle, completed data and imputed entries."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from comparisons.case import Alternative, Natural
from comparisons.families._network import TableFields
from em_reference.bayes_net import BayesNet, NetworkParams
from em_reference.completions import Completed, complete, completions, drawn_completions, impute
from em_reference.em import Status
from em_reference.monte_carlo_em import monte_carlo_em

# Rows of a table that a page shows.
MOST_SHOWN = 60
# Columns beside those of the variables.
OTHERS = ("row", "weight", "probability", "imputation")
# Monte Carlo error at which sampled estimates are good enough to be shown, and below which there is none.
LARGEST_ERROR, NO_ERROR = 5e-3, 1e-9
# Independent runs of EM with sampled completions, from which its Monte Carlo error is taken.
RUNS = 8


class Written(NamedTuple):
    """Tables that are written beside the report.

    Attributes
    ----------
    completed, imputed : bool
        Every completion with its weight; the most probable ones, and the marginals.
    imputations : int
        How many completed data sets are drawn.
    sampled : bool
        Estimates by EM with sampled completions stand beside the exact ones in the report.
    """

    completed: bool = False
    imputed: bool = False
    imputations: int = 0
    sampled: bool = False


class NetworkDisplay(NamedTuple):
    """The EM of the data, how its parameters are called, and which tables are written beside the report."""

    em: BayesNet
    fields: TableFields
    labels: Mapping[str, tuple[str, ...]]
    written: "Written"

    def first_cycle(self, natural: Natural) -> dict[str, pd.DataFrame]:
        """Tables of the E-step and M-step of cycle 1, as a textbook prints them."""
        em, start = self.em, self.fields.to_em(natural)
        counts = em.e_step(start).expected_counts
        after = self.fields.from_em(em.m_step(counts, start))
        shown = {}
        if completions(em) <= MOST_SHOWN:
            shown["E-step: completed data with weights"] = self._completed(complete(em, start))
        if em.network.size <= MOST_SHOWN:
            families = self.fields.by_name(counts.families)
            shown["E-step: expected family counts"] = self._entries(families, "expected count")
            shown["M-step: parameters after cycle 1"] = self._entries(after, "probability")
        return shown

    def _entries(self, tables: Natural, what: str) -> pd.DataFrame:
        """One row per entry: the variable, the states of its parents, its own state."""
        rows = []
        for name, table in tables.items():
            for states in np.ndindex(*table.shape):
                given = zip(self.fields.parents[name], states, strict=False)
                words = ", ".join(f"{parent}={self.labels[parent][state]}" for parent, state in given)
                rows.append((name, words, self.labels[name][states[-1]], table[states]))
        return pd.DataFrame(rows, columns=["variable", "given", "state", what])

    def _completed(self, completed: Completed) -> pd.DataFrame:
        columns = self._columns(completed.states)
        return pd.DataFrame({"row": completed.row + 1, **columns, "weight": completed.weight})

    def _columns(self, states: Any) -> dict[str, Any]:
        """One column of labels per variable; one that is called as another column gets a longer name."""
        called = {name: f"variable {name}" if name in OTHERS else name for name in self.labels}
        return {called[name]: self._named(name, states[:, place]) for place, name in enumerate(self.labels)}

    def _named(self, name: str, states: Any) -> Any:
        return np.array(self.labels[name], dtype=object)[states]

    def tables(self, natural: Natural) -> dict[str, pd.DataFrame]:
        """What is asked for: completed rows, most probable ones, marginals, drawn data sets."""
        params, found = self.fields.to_em(natural), {}
        if self.written.completed:
            found["completed"] = self._completed(complete(self.em, params))
        if self.written.imputed:
            found |= self._imputed(params)
        if self.written.imputations:
            sets = drawn_completions(self.em, params, self.written.imputations)
            number, row = (place.ravel() + 1 for place in np.indices(sets.shape[:2]))
            columns = self._columns(sets.reshape(-1, sets.shape[-1]))
            found["imputations"] = pd.DataFrame({"imputation": number, "row": row, **columns})
        return found

    def alternatives(self, natural: Natural) -> tuple[Alternative, ...]:
        """Where it is asked for, EM with sampled completions, which begins half-way to even tables."""
        if not self.written.sampled:
            return ()
        params, even = self.fields.to_em(natural), 1 / self.em.network.sums(np.ones(self.em.network.size))
        begin = NetworkParams((params.probability + even) / 2)
        fit = monte_carlo_em(self.em, begin, runs=RUNS, error=LARGEST_ERROR)
        how = "converged" if fit.status is Status.CONVERGED else f"did not converge ({fit.status})"
        remark = (
            f"EM with sampled completions in place of exact expected counts, {RUNS} independent runs: it {how} after "
            f"{fit.cycles} cycles, with {fit.draws:,} draws for each kind of row in the last."
        )
        if fit.lost:
            remark += f" {fit.lost} kinds of rows had no possible draw in the last cycle and were left out."
        # What has no noise is known exactly.
        error = np.where(fit.error > NO_ERROR, fit.error, 0.0)
        by_name = self.fields.from_em(fit.params), self.fields.by_name(error)
        return (Alternative("sampled EM", by_name[0], remark, by_name[1], RUNS),)

    def _imputed(self, params: NetworkParams) -> dict[str, pd.DataFrame]:
        imputed = impute(self.em, params)
        filled = self._columns(imputed.states)
        places = np.arange(imputed.marginals.shape[1])
        sizes = np.array(self.em.network.states)[imputed.variable]
        which, state = np.nonzero(places < sizes[:, None])
        names = np.array(list(self.labels), dtype=object)[imputed.variable[which]]
        labels = [self.labels[name][at] for name, at in zip(names, state, strict=True)]
        marginals = {"row": imputed.row[which] + 1, "variable": names, "state": labels,
                     "probability": imputed.marginals[which, state]}  # fmt: skip
        numbers = np.arange(1, len(imputed.states) + 1)
        return {
            "imputed": pd.DataFrame({"row": numbers, **filled, "probability": imputed.probability}),
            "marginals": pd.DataFrame(marginals),
        }
