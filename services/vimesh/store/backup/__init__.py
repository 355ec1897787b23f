"""Copies a database to a file and back. Start with `back_up.py`; what each database does for it is in its dialect."""
