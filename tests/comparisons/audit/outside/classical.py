"""EMs for coin mixtures, Poisson mixtures, genetic linkage and the bivariate normal."""

from . import coins_right, coins_right_more, coins_wrong, coins_wrong_more, counts, counts_wrong, normal, normal_wrong  # noqa: F401
