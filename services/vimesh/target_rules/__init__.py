"""Decides which addresses may be reached: people choose those of VIMs and receivers. Start with `target_rules.py`."""
