"""Serves what concerns many VIMs in one call. Start with `change_vims`."""
