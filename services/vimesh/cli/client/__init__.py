"""Calls to the mesh. Each of them ends in time."""
