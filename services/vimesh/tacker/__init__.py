"""Reads VIMs from Tacker's database, for import. Nothing is ever written there."""
