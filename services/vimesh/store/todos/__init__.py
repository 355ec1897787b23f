"""Claims and finishes to-dos. A claim expires by itself."""
