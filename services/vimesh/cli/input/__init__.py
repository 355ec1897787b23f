"""Reads VIMs from flags and files. Every reader uses bounded memory."""
