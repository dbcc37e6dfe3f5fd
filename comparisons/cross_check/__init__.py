"""The cross-check of one case: EM and PyMC from the same starts, each judging the other's answer."""
