"""Probes because a conductor asks, and asks conductors what other monitors see."""
