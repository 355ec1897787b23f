"""Builds the long-running processes with their logs, stop signals and supervision. Each imports only what it needs."""
