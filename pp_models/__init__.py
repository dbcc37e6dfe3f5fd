"""The same models in PyMC, and their compiled objectives. Never imports the hand-written EM."""
