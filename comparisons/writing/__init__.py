"""How the project writes files: whole or not at all, and never over a file of the user's.

`whole` writes single files, `exchange` replaces a folder in one step, `manifest` knows which files are ours,
`spreadsheet` turns a table into CSV.
"""
