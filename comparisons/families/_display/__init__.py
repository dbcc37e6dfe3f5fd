"""How a fit of each family is shown: curves, words, tables. Nothing here decides anything."""
