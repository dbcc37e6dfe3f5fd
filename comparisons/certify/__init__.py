"""Stationary points to 40 digits, and how many of these digits both sides reach."""
