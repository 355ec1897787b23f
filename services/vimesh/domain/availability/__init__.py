"""How long VIMs had which status: start reading at `timeline.py`."""
