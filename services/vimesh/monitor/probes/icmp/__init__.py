"""Pings, one by one or in volleys. An answer counts only with the token of its ping."""
