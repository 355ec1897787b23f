"""Reads what explanations are made of: from many tables, and yet of one moment."""
