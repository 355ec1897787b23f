"""Imports VIMs from Tacker's database. That database is only read."""
