"""Reads the flags that say which VIMs a command is about, and whether it only tries. Start with `label_flags.py`."""
