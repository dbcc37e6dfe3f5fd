"""Posterior of response patterns over ability nodes: the inner loop of the 2PL's E-step.

With z_ik = d_i + a_i theta_k, the log of weight times likelihood is linear in the responses,

    log w_k + sum_i u_ij z_ik - v_ij log(1 + e^z_ik)        v_ij = 1 where item i was answered, else 0

so that all of it is one matrix product, design @ surface, with rows (u_j, v_j, 1) in the design. The
same design collects the expected counts afterwards: design' @ posterior.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from em_reference.item_regression import softplus, total_softplus
from em_reference.layout import Array

# Cells of starts x patterns x nodes held at once: 1 MB, so that a chunk stays in the cache.
CHUNK = 1 << 17
# Multiplications in one matrix product. OpenBLAS spreads larger ones over threads, which at these
# sizes costs more than it gives, and far more when another process wants the same cores.
PRODUCT = 1 << 18
LEAST_ROWS = 16
# A pattern's probability above this is summed without loss though no maximum was taken out first:
# every node that matters lies far above the smallest normal number, 2e-308.
SAFE_PROBABILITY = 1e-250


class Design(NamedTuple):
    """Response patterns in blocks of R rows; the last block is filled up with rows of frequency 0.

    Attributes
    ----------
    rows : array (B, R, W)
        (u_j, 1), or (u_j, v_j, 1) where responses are missing: W = I + 1 or 2 I + 1.
    frequencies : array (B, R)
    """

    rows: Array
    frequencies: Array

    @classmethod
    def of(cls, correct: Array, answered: Array | None, frequencies: Array, grid_size: int) -> "Design":
        """Design of patterns (J, I)."""
        ones = np.ones((len(correct), 1))
        rows = np.concatenate([correct, ones] if answered is None else [correct, answered, ones], axis=1)
        size = min(len(rows), max(LEAST_ROWS, PRODUCT // (rows.shape[1] * grid_size)))
        missing = -len(rows) % size
        rows = np.concatenate([rows, np.repeat(rows[:1], missing, axis=0)])
        frequencies = np.concatenate([frequencies, np.zeros(missing)])
        return cls(rows.reshape(-1, size, rows.shape[1]), frequencies.reshape(-1, size))


class Chunk(NamedTuple):
    """Some blocks of patterns at some starts.

    Attributes
    ----------
    starts, blocks : slice
    joint : array (starts, blocks, R, K)
        Weight times likelihood at each node, up to a factor per pattern and start. A buffer: the
        reader may overwrite it and must be done with it before the next chunk.
    total : array (starts, blocks, R)
        Sum of `joint` over the nodes.
    log_probability : array (starts, blocks, R)
        Log marginal probability of each pattern.
    """

    starts: slice
    blocks: slice
    joint: Array
    total: Array
    log_probability: Array


def chunks(design: Array, intercept: Array, slope: Array, nodes: Array, weights: Array) -> Iterator[Chunk]:
    """Walk over all patterns at all starts.

    Parameters
    ----------
    design : array (B, R, W)
    intercept, slope : array (starts, I)
    nodes, weights : array (K,)
    """
    n_blocks, size, width = design.shape
    cells = size * len(nodes)
    starts_at_once = min(max(1, CHUNK // (n_blocks * cells)), len(slope))
    blocks_at_once = min(max(1, CHUNK // (starts_at_once * cells)), n_blocks)
    buffer = np.empty(starts_at_once * blocks_at_once * cells)
    for begin in range(0, len(slope), starts_at_once):
        starts = slice(begin, min(begin + starts_at_once, len(slope)))
        surface = _surface(width, intercept[starts], slope[starts], nodes, weights)[:, None]
        for first in range(0, n_blocks, blocks_at_once):
            blocks = slice(first, min(first + blocks_at_once, n_blocks))
            shape = (len(surface), blocks.stop - first, size, len(nodes))
            joint = buffer[: int(np.prod(shape))].reshape(shape)
            total, log_probability = _integrate(design[blocks], surface, joint)
            yield Chunk(starts, blocks, joint, total, log_probability)


def collect(design: Array, joint: Array) -> Array:
    """Sum over patterns of design (B, R, W) times joint (starts, B, R, K), shape (starts, W, K)."""
    return (np.swapaxes(design, 1, 2) @ joint).sum(axis=1)


def _integrate(design: Array, surface: Array, joint: Array) -> tuple[Array, Array]:
    """Fill `joint`; return its sums over the nodes and the log probabilities of the patterns."""
    ones = np.ones(joint.shape[-1])
    np.matmul(design, surface, out=joint)
    np.exp(joint, out=joint)
    total = joint @ ones
    log_probability = np.zeros_like(total)
    if not (total > SAFE_PROBABILITY).all():
        # Long tests: the same again, the largest term taken out of every sum.
        np.matmul(design, surface, out=joint)
        top = joint.max(axis=-1)
        log_probability = np.where(np.isfinite(top), top, 0.0)
        joint -= log_probability[..., None]
        np.exp(joint, out=joint)
        total = joint @ ones
    with np.errstate(divide="ignore"):
        return total, log_probability + np.log(total)


def _surface(width: int, intercept: Array, slope: Array, nodes: Array, weights: Array) -> Array:
    """What the design multiplies, (starts, W, K): logits, log(1 - P) and log weights."""
    items = slope.shape[1]
    surface = np.empty((len(slope), width, len(nodes)))
    logits = surface[:, :items]
    np.multiply(slope[..., None], nodes, out=logits)
    logits += intercept[..., None]
    with np.errstate(divide="ignore"):
        surface[:, -1] = np.log(weights)
    if width == items + 1:
        surface[:, -1] -= total_softplus(logits)
    else:
        np.negative(softplus(logits), out=surface[:, items:-1])
    return surface
