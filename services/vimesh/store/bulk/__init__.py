"""Reads and changes many VIMs at once. Start with `sql_bulk_store`."""
