"""EMs for latent classes: right ones made of every kernel, form and problem, and wrong ones."""

from . import classes_right, classes_wrong  # noqa: F401
