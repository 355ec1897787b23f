"""Calls the mesh. Each call has a time limit."""
