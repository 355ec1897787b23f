"""Looks up the addresses of names. No lookup delays a target that is given by address."""
