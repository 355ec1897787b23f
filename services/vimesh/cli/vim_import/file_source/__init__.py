"""Reads VIMs from a file. The whole file is checked before anything is registered."""
