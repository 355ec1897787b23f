"""The metrics of each kind of process, as data. `metric_entry.py` says what an entry is."""
