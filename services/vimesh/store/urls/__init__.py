"""Parses database URLs. Nothing here connects to a server."""
