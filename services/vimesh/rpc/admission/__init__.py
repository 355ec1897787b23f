"""Decides which calls to admit when there are too many. A call is refused before any of it is parsed."""
