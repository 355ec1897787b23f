"""Represents addresses, ports and packets as plain values. Opens no socket."""
