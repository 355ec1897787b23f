"""What callers are shown of VIMs: the fields that they ask for, and summaries. Start with `vim_view`."""
