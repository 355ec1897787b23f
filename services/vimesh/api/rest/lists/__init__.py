"""Serves lists and their queries. A list is sent page by page and never held in memory as a whole."""
