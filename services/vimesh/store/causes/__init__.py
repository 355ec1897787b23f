"""Keeps causes, and joins VIMs to them. Start with `sql_cause_store.py`."""
