"""Anybody's PyMC model with anybody's EM: bound to a case, they are cross-checked like the built-in ones."""

from comparisons.outside.bound import bind

__all__ = ["bind"]
