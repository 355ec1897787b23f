"""The `vimesh causes` commands."""
