"""Prints lists of all kinds while their pages arrive: flags, formats, columns. Start with `print_lists.py`."""
