"""Limits, retries and clusters of each class of calls. A flood of one class does not affect the others."""
