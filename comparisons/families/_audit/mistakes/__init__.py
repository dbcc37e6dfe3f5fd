"""Mistakes that only the EM of one model can make: by what it says, one cycle that makes it.

A cycle takes natural parameters and a size, which counts where the words have an `{amount}`.
"""
