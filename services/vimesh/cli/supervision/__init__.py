"""Starts a process, and restarts it whenever it ends. No process outlives its parent."""
