"""Tells outages of the monitor's own network from those of VIMs: start at `uplink.py`."""
