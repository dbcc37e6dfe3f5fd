"""Further data for the EMs on classical problems: heights of two kinds of relatives, coins of which some recur."""

import numpy as np

from comparisons.case import Case
from comparisons.families import bivariate_normal, coin_mixture

from .data_classes import CASES_CLASSES
from .data_items import CASES_ITEMS
from .data_mixtures import CASES_MIXTURES
from .data_networks import CASES_NETWORKS

NONE = np.nan

# Height of a parent and of a grown-up child in cm; the second column varies more than the first.
HEIGHTS = np.array(
    [
        (171.2, 168.4), (165.8, 161.0), (178.3, 187.5), (169.9, 175.2), (174.6, 170.1), (162.4, 158.8),
        (181.0, 183.9), (168.7, 166.3), (176.1, 182.2), (170.5, 164.7), (166.9, 171.9), (173.3, 176.8),
        (179.4, 178.0), (164.1, 167.7), (172.8, 181.6), (167.5, 159.4), (175.7, 172.5), (160.2, 163.1),
        (177.0, 174.3), (171.9, 179.9), (183.6, NONE), (169.1, NONE), (163.7, NONE), (174.0, NONE),
        (158.9, NONE), (180.2, NONE), (NONE, 190.4), (NONE, 155.6), (NONE, 169.8), (NONE, 185.1),
        (NONE, 177.4), (NONE, 162.2), (NONE, 173.6),
    ]
)  # fmt: skip

# Heads in so many flips, and how often that was seen.
BENT = np.array([(3, 8, 4), (7, 8, 2), (2, 12, 5), (9, 12, 3), (10, 12, 1), (1, 6, 3), (5, 6, 2), (6, 15, 2)], float)

CASES: dict[str, Case] = {
    "heights": bivariate_normal.bind("heights", HEIGHTS, ("parent", "child")),
    "bent-coins": coin_mixture.bind("bent-coins", BENT[:, 0], BENT[:, 1], coins=2, frequencies=BENT[:, 2]),
    **CASES_ITEMS,
    **CASES_CLASSES,
    **CASES_NETWORKS,
    **CASES_MIXTURES,
}
