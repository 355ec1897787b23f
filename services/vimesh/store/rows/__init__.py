"""Rows and what they stand for. Credentials are in them only encrypted."""
