"""Streams of changes. The log is read once, however many watch it."""
