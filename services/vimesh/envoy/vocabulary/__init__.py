"""Names, limits and statuses that all parts of the configuration share. Imports no other folder of this package."""
