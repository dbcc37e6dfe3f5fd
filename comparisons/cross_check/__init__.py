"""The cross-check of one case: both sides from the same starts, each judging the other's answer."""
