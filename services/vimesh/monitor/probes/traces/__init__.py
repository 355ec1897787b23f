"""What requested probes see, step by step. Other probes are not traced, and pay nothing for it."""
