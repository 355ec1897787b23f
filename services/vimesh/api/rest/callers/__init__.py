"""Who calls Tacker's REST, and what conductors are told about it. Start with `rest_caller.py`."""
