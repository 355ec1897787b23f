"""What probes show besides the verdict: certificates, and whether the API is the one that it should be, and ready."""
