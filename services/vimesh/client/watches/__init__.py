"""Follows changes across disconnects, and waits for one."""
