"""Where the starts of both sides end, and what kind of point that is."""
