"""Converts conditions and certificates of VIMs between the domain and their messages."""
