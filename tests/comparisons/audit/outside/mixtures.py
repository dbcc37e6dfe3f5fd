"""EMs for normal mixtures: right ones made of every form, kernel and problem, and wrong ones."""

from . import mixtures_right, mixtures_wrong  # noqa: F401
