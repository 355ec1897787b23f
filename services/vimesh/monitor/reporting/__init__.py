"""Reports verdicts to the conductors. Only the newest verdict of an action is sent."""
