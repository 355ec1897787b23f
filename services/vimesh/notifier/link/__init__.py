"""Calls conductors for a notifier. Start reading in `conductor_link.py`; `vim_stream.py` reads the log of changes."""
