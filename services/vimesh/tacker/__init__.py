"""Reads VIMs out of Tacker's database, for import. Nothing is ever written there."""
