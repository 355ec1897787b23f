"""Extends leases, and acts on those that have ended. The database's clock decides."""
