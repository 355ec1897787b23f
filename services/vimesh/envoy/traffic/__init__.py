"""Limits, retries and clusters of each class of calls. A flood of one class takes nothing from another."""
