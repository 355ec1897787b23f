"""Decides when things are due. Time in which the loop is stalled does not count."""
