"""Latent classes: answers to several items that are independent within a class.

Model: a respondent belongs to one of K classes, class k with probability w_k (`weight`). Within the class the answers
are independent, and category c of item i is given with probability p_kic (`probability`). The answers are seen, some
perhaps missing (at random); the class is not.

Observed-data log-likelihood:

    log L = sum_j f_j log sum_k w_k prod_{i answered} p_{k, i, x_ji}

over the unique response patterns x_j with frequency f_j. With u_jt = 1 where pattern j has category t, the categories
of all items side by side, the product is exp(sum_t u_jt log p_kt): one matrix product for all patterns and starts.

E-step:  gamma_jk = w_k p(x_j | k) / sum_l w_l p(x_j | l)                    (responsibilities)
         n_k = sum_j f_j gamma_jk                                          (expected respondents)
         a_kt = sum_j f_j gamma_jk u_jt                                    (expected answers)
M-step:  w_k = n_k / sum_l n_l,      p_kt = a_kt / sum_{s of the same item} a_ks

With a Dirichlet(alpha) prior on w and a Dirichlet(beta) prior on the categories of every item in every class the
M-step maximises the log posterior: w_k proportional to n_k + alpha - 1, p_kt to a_kt + beta - 1.

Source: Goodman (1974), Biometrika 61, 215-231, equations 11 to 19; Dempster, Laird and Rubin (1977), section 4.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from em_reference.answer_patterns import AnswerPatterns, answer_patterns
from em_reference.em import Expectation
from em_reference.layout import Array
from em_reference.louis import Completions
from em_reference.priors import Dirichlet

# Stands for log 0 in a matrix product, where minus infinity would give 0 * inf. Farther down than a product of
# doubles that are not 0 can get: 1,000 items with probabilities of 5e-324 have the logarithm -744,440.
LOG_ZERO = -1e9
# Cells of patterns x classes x classes x categories that are completed at once.
COMPLETED = 1 << 20


class ClassParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    weight : array (..., K)
        Share of every class, add up to 1.
    probability : array (..., K, T)
        Of every category in every class, the categories of all items side by side; those of an item add up to 1.
    """

    weight: Array
    probability: Array


class ClassCounts(NamedTuple):
    """Expected counts of the complete data.

    Attributes
    ----------
    respondents : array (..., K)
        Expected number of respondents of every class; adds up to the number of respondents.
    answers : array (..., K, T)
        Expected number of answers in every category by respondents of every class.
    """

    respondents: Array
    answers: Array


@dataclass(frozen=True)
class LatentClasses:
    """EM problem of `classes` latent classes.

    Parameters
    ----------
    responses : array (N, I)
        Number of the category, 0, 1, ..., or NaN where there is no answer.
    categories : array of int (I,)
        How many categories every item has, at least 2.
    classes : int
        K >= 1.
    frequencies : array (N,), optional
        How often each row was seen; 1 by default.
    weight_prior : Dirichlet, optional
        On the shares of the classes.
    category_prior : Dirichlet, optional
        On the categories of every item in every class.

    Raises
    ------
    ValueError
        If the data or the sizes are impossible.
    """

    responses: npt.ArrayLike
    categories: npt.ArrayLike
    classes: int
    frequencies: npt.ArrayLike | None = None
    weight_prior: Dirichlet | None = field(default=None, kw_only=True)
    category_prior: Dirichlet | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        responses, sizes = np.asarray(self.responses, dtype=float), np.asarray(self.categories)
        if responses.ndim != 2 or 0 in responses.shape:
            raise ValueError(f"responses must be a non-empty matrix, got shape {responses.shape}")
        if sizes.shape != responses.shape[1:] or (sizes < 2).any() or (sizes % 1 != 0).any():
            raise ValueError("categories must be one whole number of 2 or more per item")
        if not ((responses >= 0) & (responses < sizes) & (responses % 1 == 0) | np.isnan(responses)).all():
            raise ValueError("responses must be numbers of categories, 0, 1, ..., or NaN")
        if self.classes < 1:
            raise ValueError(f"classes must be at least 1, got {self.classes}")
        if self.frequencies is not None:
            frequencies = np.asarray(self.frequencies, dtype=float)
            if frequencies.shape != responses.shape[:1] or not (frequencies >= 0).all() or not frequencies.sum() > 0:
                raise ValueError("frequencies must be one per row, not negative, and add up to more than 0")

    @cached_property
    def patterns(self) -> AnswerPatterns:
        """Unique response patterns that were seen."""
        return answer_patterns(self.responses, self.sizes, self.frequencies)

    @cached_property
    def sizes(self) -> npt.NDArray[np.intp]:
        """Categories of every item (I,)."""
        return np.asarray(self.categories, dtype=np.intp)

    @cached_property
    def first(self) -> npt.NDArray[np.intp]:
        """Place of the first category of every item (I,)."""
        return np.cumsum(self.sizes) - self.sizes

    def by_item(self, values: Array) -> Array:
        """Sums over the categories of an item, in the place of each of them, (..., T)."""
        return np.repeat(np.add.reduceat(values, self.first, axis=-1), self.sizes, axis=-1)

    def log_joint(self, params: ClassParams) -> Array:
        """log w_k + log p(x_j | k), (..., K, J); minus infinity for a pattern that a class never gives."""
        # Shares that add up to 1 only nearly (an extrapolation) would shift the log-likelihood.
        weight = params.weight / params.weight.sum(axis=-1, keepdims=True)
        probability = params.probability / self.by_item(params.probability)
        never = not (weight.all() and probability.all())
        with np.errstate(divide="ignore"):
            log_weight, log_probability = np.log(weight), np.log(probability)
        if never:
            log_weight = np.where(weight > 0, log_weight, LOG_ZERO)
            log_probability = np.where(probability > 0, log_probability, LOG_ZERO)
        # All starts in one matrix product.
        rows = log_probability.reshape(-1, log_probability.shape[-1])
        joint = (rows @ self.patterns.indicator.T).reshape(*log_probability.shape[:-1], -1)
        joint += log_weight[..., None]
        if never:
            joint[joint < LOG_ZERO / 2] = -np.inf
        return joint

    def responsibilities(self, params: ClassParams) -> tuple[Array, Array]:
        """Responsibilities gamma (..., K, J) and log probabilities log p(x_j) (..., J) of the unique patterns."""
        gamma = self.log_joint(params)
        top = gamma.max(axis=-2, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        gamma -= top
        np.exp(gamma, out=gamma)
        total = gamma.sum(axis=-2, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            gamma /= total
            return gamma, np.log(total[..., 0, :]) + top[..., 0, :]

    def e_step(self, params: ClassParams) -> Expectation:
        """Return expected counts and log-likelihood at `params`."""
        weighted, log_probability = self.responsibilities(params)
        indicator, frequencies = self.patterns.indicator, self.patterns.frequencies
        weighted *= frequencies
        answers = weighted.reshape(-1, len(frequencies)) @ indicator
        counts = ClassCounts(weighted.sum(axis=-1), answers.reshape(*weighted.shape[:-1], -1))
        return Expectation(counts, log_probability @ frequencies, self.log_prior(params))

    def m_step(self, expected_counts: ClassCounts, params: ClassParams) -> ClassParams:
        """Shares and probabilities that maximise the expected complete-data log-posterior.

        An item that no one of a class is expected to have answered keeps its probabilities there: nothing in the
        data speaks about them.
        """
        respondents = np.maximum(expected_counts.respondents + _extra(self.weight_prior), 0.0)
        answers = np.maximum(expected_counts.answers + _extra(self.category_prior), 0.0)
        total = self.by_item(answers)
        probability = np.divide(answers, total, out=np.array(params.probability, dtype=float), where=total > 0)
        return ClassParams(respondents / respondents.sum(axis=-1, keepdims=True), probability)

    def feasible(self, params: ClassParams) -> npt.NDArray[np.bool_]:
        """Shares and probabilities not negative."""
        return np.asarray((params.weight >= 0).all(axis=-1) & (params.probability >= 0).all(axis=(-2, -1)))

    def log_prior(self, params: ClassParams) -> Array | float:
        """Log prior density of the parameters, 0 under flat priors."""
        total: Array | float = 0.0
        if self.weight_prior is not None and self.classes > 1:
            total = total + self.weight_prior.log_density(params.weight)
        if self.category_prior is not None:
            of_items = np.split(params.probability, self.first[1:], axis=-1)
            total = total + sum(self.category_prior.log_density(item).sum(axis=-1) for item in of_items)
        return total

    def score(self, expected_counts: ClassCounts, params: ClassParams) -> ClassParams:
        """Gradient of the expected complete-data log-posterior at `params`, all probabilities taken as free."""
        respondents, answers = expected_counts
        return ClassParams(
            (respondents + _extra(self.weight_prior)) / params.weight,
            (answers + _extra(self.category_prior)) / params.probability,
        )

    def completions(self, params: ClassParams) -> Iterator[Completions]:
        """Every unique pattern in every class; see `em_reference.louis`."""
        gamma, frequencies = self.responsibilities(params)[0].T, self.patterns.frequencies
        one = np.eye(self.classes)
        size = max(1, COMPLETED // (self.classes**2 * int(self.sizes.sum())))
        for rows in (slice(first, first + size) for first in range(0, len(gamma), size)):
            answers = one[:, :, None] * self.patterns.indicator[rows, None, None]
            respondents = np.broadcast_to(one, answers.shape[:3])
            yield Completions(gamma[rows], self.score(ClassCounts(respondents, answers), params), frequencies[rows])

    def free_directions(self) -> Array:
        """Orthonormal basis in (weight, probability): the shares keep their sum, and the categories of an item do."""
        blocks = [_zero_sum(self.classes), *(_zero_sum(int(size)) for size in np.tile(self.sizes, self.classes))]
        height, width = np.sum([block.shape for block in blocks], axis=0)
        directions, row, column = np.zeros((height, width)), 0, 0
        for block in blocks:
            directions[row : row + block.shape[0], column : column + block.shape[1]] = block
            row, column = row + block.shape[0], column + block.shape[1]
        return directions


def _extra(prior: Dirichlet | None) -> float:
    """What a prior adds to every count."""
    return 0.0 if prior is None else prior.alpha - 1


def _zero_sum(size: int) -> Array:
    """Orthonormal basis (size, size - 1) of the directions along which a sum stays."""
    return np.asarray(np.linalg.svd(np.ones((1, size)))[2][1:].T)
