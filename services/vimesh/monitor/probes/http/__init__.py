"""HTTP requests of probes and their answers. The amount read of an answer is bounded."""
