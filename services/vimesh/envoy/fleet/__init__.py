"""Describes the fleet behind Envoy as plain data, whatever its source."""
