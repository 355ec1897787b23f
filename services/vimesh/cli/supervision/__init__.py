"""Starts a process, and starts it again whenever it ends. No process outlives its parent."""
