"""Compares what Mistral runs with what is wanted, and repairs it. Safe while any number of api processes run."""
