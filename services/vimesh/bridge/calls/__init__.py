"""Serves the calls of old ping actions. A call is acknowledged only when it has been answered."""
