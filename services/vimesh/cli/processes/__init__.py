"""Builds the long-running processes: their parts, logs, stopping and watching. Each imports its own share only."""
