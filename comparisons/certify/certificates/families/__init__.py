"""One file per family, of its name: its log-likelihood for mpmath, and its certified problems.

A file offers

    log_likelihood   problem, jets by parameter -> jet
    POINTS           name of a problem of the catalogue -> callable Problem -> list of Stated

and may offer

    log_prior        likewise, where options of the problem ask for a prior
    simplexes        Problem -> dict of parameter -> how many entries in a row add up to 1; the weights, when left out
"""
