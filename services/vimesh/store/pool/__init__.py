"""Which monitors share the VIMs, in the database."""
