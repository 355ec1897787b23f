"""Translates domain values to messages and back, and bounds incoming messages. It does not serve calls."""
