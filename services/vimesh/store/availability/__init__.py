"""Counts how long VIMs had which status: `count_changes.py` writes it by days, `read_availability.py` adds it up."""
