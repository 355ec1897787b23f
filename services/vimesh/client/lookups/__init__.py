"""Finds things of the fleet by id or name, and reads its lists page by page."""
