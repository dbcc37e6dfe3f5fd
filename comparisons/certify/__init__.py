"""Stationary points to 40 digits, and how many of these digits EM and PyMC reach."""
