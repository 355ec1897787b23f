"""Joins status changes to causes, after them and beside everything else. One conductor at a time does it."""
