"""What Envoy has to know about a fleet. Plain data, however it was given."""
