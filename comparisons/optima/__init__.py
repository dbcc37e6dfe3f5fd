"""Where the starts of EM and PyMC end, and what kind of point that is."""
