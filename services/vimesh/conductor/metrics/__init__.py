"""Collects what a conductor and its store count, when Prometheus asks. Nothing here is on the way of a call."""
