"""Registers, reads, lists and modifies VIMs. Each function runs inside the transaction of its caller."""
