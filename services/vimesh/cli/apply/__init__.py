"""`vimesh apply`, `diff` and `export`: VIMs are what files say they should be. Start with `apply_files.py`.

What does not depend on what is applied, `vimesh receiver apply` uses too: `source_entries` reads files, folders and
standard input, and `applied_lines` prints what becomes of each.
"""
