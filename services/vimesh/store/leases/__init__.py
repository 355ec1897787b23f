"""Extends leases, and handles those that have ended, by the database's clock."""
