"""Joins status changes that come together to one cause. Start with `correlation.py`, which is a pure function."""
