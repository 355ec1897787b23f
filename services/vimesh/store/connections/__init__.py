"""Connects to database servers. No error and no log line contains a secret."""
