"""Refusals by Envoy itself, with the statuses of the contract."""
