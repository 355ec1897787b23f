"""Refusals by Envoy itself. They use the words of the contract."""
