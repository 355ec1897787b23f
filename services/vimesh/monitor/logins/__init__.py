"""Logs in to VIMs with their own credentials: when, how often, and what is remembered of refusals."""
