"""Collects what a bridge counts, when Prometheus asks."""
