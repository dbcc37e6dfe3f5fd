"""What the audit of an EM needs from a family beyond a cross-check (`comparisons.case.AuditHooks`), model by model.

Expected counts and scores of the complete data, the symmetries, the constants that a log-likelihood may be without,
the same data written differently, awkward data and starts, and data that use all that the family allows.
"""
