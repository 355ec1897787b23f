"""Puts the parts of a host together and runs them in one loop. Only this room knows all kinds of probers."""
