"""Nodes and weights of the ability distribution.

An integral over the standard normal ability becomes a sum, E[g(theta)] ~ sum_k w_k g(theta_k).
"""

from typing import NamedTuple

import numpy as np

from em_reference.layout import Array


class Quadrature(NamedTuple):
    """Abscissas (K,) in units of the standard normal ability, and their weights (K,)."""

    nodes: Array
    weights: Array


def equally_spaced(count: int = 61, limit: float = 6.0) -> Quadrature:
    """Equally spaced nodes on [-limit, limit], weights proportional to the normal density, sum 1.

    This is the grid of Bock and Aitkin (1981) and of R's mirt (61 nodes on [-6, 6] by default).

    Raises
    ------
    ValueError
        If there are fewer than two nodes or the limit is not positive.
    """
    if count < 2 or not limit > 0:
        raise ValueError(f"need at least 2 nodes and a positive limit, got {count} and {limit}")
    nodes = np.linspace(-limit, limit, count)
    density = np.exp(-0.5 * nodes**2)
    return Quadrature(nodes, density / density.sum())


def gauss_hermite(count: int = 21) -> Quadrature:
    """Gauss-Hermite nodes for the standard normal, exact for polynomials up to degree 2 count - 1.

    Raises
    ------
    ValueError
        If there are fewer than two nodes.
    """
    if count < 2:
        raise ValueError(f"need at least 2 nodes, got {count}")
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    return Quadrature(nodes, weights / weights.sum())
