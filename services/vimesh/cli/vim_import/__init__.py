"""Imports many VIMs: from a file (`file_source`) or from Tacker's database (`tacker_source`).

Both turn an entry into a `PreparedVim`, find entries that ask for the same id, name or default (`vim_keys`), ask the
fleet through `ExistingVims`, and count in an `ImportTally`. They differ in when they ask. A file may hold 100,000 VIMs:
they are registered in batches, and only those that are refused are looked up. Tacker's VIMs are looked up first,
because its dry run says what would happen, and registered one by one.
"""
