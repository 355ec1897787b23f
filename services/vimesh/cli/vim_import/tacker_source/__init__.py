"""Reads VIMs from Tacker's database, which is never changed, and says what is done with each."""
