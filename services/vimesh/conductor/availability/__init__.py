"""Answers how long VIMs had which status. What is counted when: `upkeep/availability_count.py`."""
