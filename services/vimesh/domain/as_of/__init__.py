"""VIMs as they were at a time in the past. Start with `as_of_store`."""
