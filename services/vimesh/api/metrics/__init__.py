"""Collects what an api process counts, when Prometheus asks."""
