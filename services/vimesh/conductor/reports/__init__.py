"""Reads reports of ping actions and paces their contacts. A fast path never accepts a report that the rules refuse."""
