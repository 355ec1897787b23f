"""Looks up the addresses of names. Lookups never delay a target that is given by address."""
