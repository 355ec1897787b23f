"""Claims and finishes to-dos. A claim ends by itself."""
