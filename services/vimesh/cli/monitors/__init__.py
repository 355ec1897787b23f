"""vimesh monitors: the pool of monitors, which share the VIMs."""
