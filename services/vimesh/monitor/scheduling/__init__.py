"""When things are due. Time does not count while the loop stands still."""
