"""vimesh availability: shows how long VIMs had which status."""
