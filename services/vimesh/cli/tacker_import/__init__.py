"""Imports VIMs from Tacker's database, which it only reads."""
