"""Runs the demo: a local fleet of its own, and endpoints that come and go."""
