"""From the user's files to tables, columns and numbers."""
