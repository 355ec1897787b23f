"""Streams of changes. The log is read once per conductor, however many clients watch it."""
