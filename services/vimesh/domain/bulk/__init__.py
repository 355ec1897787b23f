"""Changes of many VIMs at once. Start with `bulk_store`."""
