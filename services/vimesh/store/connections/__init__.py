"""Connections to database servers. No error and no log line holds a secret."""
