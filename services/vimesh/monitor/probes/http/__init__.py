"""HTTP requests of probes and their answers. What is read of an answer is bounded."""
