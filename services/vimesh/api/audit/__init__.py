"""Compares what Mistral runs with what is wanted, and repairs it. That is safe beside any number of api processes."""
