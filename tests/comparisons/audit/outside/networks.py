"""EMs for Bayesian networks."""

from . import networks_right, networks_wrong  # noqa: F401
