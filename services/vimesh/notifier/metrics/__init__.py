"""Collects what a notifier counts, when Prometheus asks."""
