"""History of VIMs: round trips and losses as digests, and flapping. Start at `round_digests.py`."""
