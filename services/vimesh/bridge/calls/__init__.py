"""Serves the calls of old ping actions. A call is acknowledged only after it has been answered."""
