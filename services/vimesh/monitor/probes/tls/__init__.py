"""TLS of probes. Work whose cost the server chooses leaves the loop."""
