"""Lists VIMs as they were at a time, by undoing the changes since then. Start with `list_past_vims`."""
