"""TLS for probes. Work whose cost the server determines runs outside the loop."""
