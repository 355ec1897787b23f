"""Collects what a monitor counts (`vimesh/monitor/statistics`), when Prometheus asks."""
