"""`vimesh receiver apply`: makes receivers what a file says they should be. Start with `apply_receivers.py`."""
