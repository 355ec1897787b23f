"""Builds a host from its parts and runs them in one loop. Only this package knows all kinds of probers."""
