"""Runs a whole fleet on one machine. All its data is in one folder, which only one fleet uses at a time."""
