"""How latent classes are shown: their profiles, statistics of fit, the first cycle, and who is in which class."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from comparisons.case import Array, Curves, Natural
from comparisons.families._answers import CategoryAnswers
from comparisons.families._class_items import ClassItems
from comparisons.families._fit_statistics import FitStatistics, aic, bic, deviance, entropy_r2, pearson
from em_reference.latent_classes import ClassParams, LatentClasses

# More states than this are too many to be named below a figure.
MOST_TICKS = 60
# Below so many respondents per possible pattern the chi-square distribution is no guide to G2 and X2.
SPARSE = 5


@dataclass(frozen=True)
class ClassDisplay:
    """The EM of the data, and how its parameters are called.

    Attributes
    ----------
    em : LatentClasses
    items : ClassItems
    assigned : CategoryAnswers or None
        The rows as they were read, where the tables of class assignments are asked for.
    """

    em: LatentClasses
    items: ClassItems
    assigned: CategoryAnswers | None

    @cached_property
    def cells(self) -> int:
        """How many complete response patterns there could be."""
        return int(np.prod(self.items.sizes, dtype=object))

    @cached_property
    def incomplete(self) -> bool:
        """Whether an answer is missing."""
        return bool(np.isnan(self.em.patterns.responses).any())

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """class1, class2, ..."""
        return tuple(f"class{k + 1}" for k in range(self.em.classes))

    def fit_statistics(self, natural: Natural) -> FitStatistics:
        """AIC, BIC, entropy, and, where no answer is missing, G2 and X2 with degrees of freedom."""
        params, often = self.items.to_em(natural), self.em.patterns.frequencies
        gamma, log_probability = self.em.responsibilities(params)
        log_likelihood, free, total = float(log_probability @ often), self.items.free_parameters, float(often.sum())
        found = FitStatistics(aic(log_likelihood, free), bic(log_likelihood, free, total), entropy_r2(gamma.T, often))
        if self.incomplete:
            return found
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            expected = total * np.exp(log_probability)
            statistics = {"g2": deviance(often, expected), "x2": pearson(often, expected)}
        return found._replace(**statistics, df=float(self.cells - 1 - free))

    def derive(self, natural: Natural) -> Natural:
        """Statistics of fit by name."""
        return self.fit_statistics(natural).derived()

    def about_fit(self) -> str:
        """How the statistics of fit count, in words."""
        free, total = self.items.free_parameters, float(self.em.patterns.frequencies.sum())
        said = [f"AIC and BIC count {free} parameters"]
        if self.incomplete:
            return f"{said[0]}; G2 and X2 compare complete patterns, and answers are missing"
        df = self.cells - 1 - free
        said.append(f"G2 and X2 have {self.cells:,} - 1 - {free} = {df:,} degrees of freedom")
        if df < 1:
            said.append("no more than none: they test nothing")
        elif total < SPARSE * self.cells:
            said.append(f"{total:,.0f} respondents in {self.cells:,} cells are too few for a chi-square distribution")
        return "; ".join(said)

    def curves(self, natural: Natural) -> Curves | None:
        """Profiles of the classes over the items: of every item its second state, of one with more states each."""
        params = self.items.to_em(natural)
        ticks, places = self._ticks
        lines = {
            f"{name} ({100 * weight:.1f} %)": probability[places]
            for name, weight, probability in zip(self.class_names, params.weight, params.probability, strict=True)
        }
        x = np.arange(1.0, len(places) + 1)
        named = ticks if len(ticks) <= MOST_TICKS else ()
        return Curves("Profiles of the classes", "item: state", "probability", x, lines, ticks=named)

    @cached_property
    def _ticks(self) -> tuple[tuple[str, ...], Array]:
        """Names of the states that are drawn, and their places among the states of all items."""
        ticks, places, first = [], [], 0
        for name, states in zip(self.items.names, self.items.states, strict=True):
            drawn = range(1, 2) if len(states) == 2 else range(len(states))
            ticks += [f"{name}: {states[state]}" for state in drawn]
            places += [first + state for state in drawn]
            first += len(states)
        return tuple(ticks), np.array(places)

    def first_cycle(self, natural: Natural) -> dict[str, pd.DataFrame]:
        """Tables of the E-step and M-step of cycle 1."""
        em, start = self.em, self.items.to_em(natural)
        counts = em.e_step(start).expected_counts
        after: ClassParams = em.m_step(counts, start)
        gamma = em.responsibilities(start)[0]
        states = [
            {"item": name, "state": state}
            for name, own in zip(self.items.names, self.items.states, strict=True)
            for state in own
        ]
        sizes = pd.DataFrame([counts.respondents, after.weight], columns=list(self.class_names))
        sizes.insert(0, "of every class", ["expected respondents", "weight after cycle 1"])
        return {
            "E-step: posterior probability of each class": self._patterns().join(self._by_class(gamma.T)),
            "E-step: expected answers": pd.DataFrame(states).join(self._by_class(counts.answers.T)),
            "E- and M-step: the classes": sizes,
            "M-step: probabilities after cycle 1": pd.DataFrame(states).join(self._by_class(after.probability.T)),
        }

    def extra_tables(self, natural: Natural) -> dict[str, pd.DataFrame]:
        """Posterior probability of every class, and the likeliest one, per row and per response pattern."""
        if self.assigned is None:
            return {}
        gamma = self.em.responsibilities(self.items.to_em(natural))[0].T
        likeliest = pd.DataFrame({"class": np.array(self.class_names)[gamma.argmax(axis=1)]})
        found = likeliest.join(self._by_class(gamma))
        rows = found.iloc[self.em.patterns.pattern_of_row].reset_index(drop=True)
        numbers = self.assigned.rows
        rows.insert(0, "row", np.arange(1, len(rows) + 1) if numbers is None else numbers)
        if self.assigned.ids is not None:
            rows.insert(1, "id", list(self.assigned.ids))
        return {"assignments": rows, "assignments_by_pattern": self._patterns().join(found)}

    def _by_class(self, values: Array) -> pd.DataFrame:
        return pd.DataFrame(values, columns=list(self.class_names))

    def _patterns(self) -> pd.DataFrame:
        """Response patterns by the labels of their states, and how often each was seen."""
        columns = {}
        for name, states, codes in zip(self.items.names, self.items.states, self.em.patterns.responses.T, strict=True):
            labels = np.array([*states, ""])
            columns[name] = labels[np.where(np.isnan(codes), len(states), codes).astype(int)]
        patterns = pd.DataFrame(columns)
        taken = {"frequency", "class", *self.class_names}
        patterns.columns = pd.Index([f"item {name}" if name in taken else name for name in patterns.columns])
        return patterns.assign(frequency=self.em.patterns.frequencies.astype(int))
