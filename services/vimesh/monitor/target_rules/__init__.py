"""Decides which addresses may be probed: whoever registers a VIM chooses its address. Start with `target_rules.py`."""
