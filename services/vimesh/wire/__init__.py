"""Translates domain values to messages and back, and bounds incoming messages. It serves no calls."""
