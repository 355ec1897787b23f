"""The fleet at one look: its processes as they make themselves known, and counts of its VIMs and to-dos."""
