"""The front's other protocols: JSON and Connect, whose requests become the same gRPC calls, and health."""
