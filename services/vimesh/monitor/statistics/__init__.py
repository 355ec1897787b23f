"""What probing counts of itself, in plain numbers: start at `probe_statistics.py`."""
