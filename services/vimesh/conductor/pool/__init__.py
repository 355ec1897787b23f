"""Divides the ping actions among the monitors that watch, and hands them over when monitors come and go."""
