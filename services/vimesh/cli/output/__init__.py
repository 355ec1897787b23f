"""What commands print. Nothing reaches a terminal that could control it."""
