"""Registers, reads, lists and modifies VIMs. Each function runs inside a transaction of its caller."""
