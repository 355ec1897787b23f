"""Defines what Keystone says about a token."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenClaims:
    user_id: str
    project_id: str
    """Empty if the token is for a domain, for the whole system, or for nothing."""
    roles: tuple[str, ...]
    """Names."""
    user_domain_id: str
    project_domain_id: str
    system_scope: str
    """`all`, or empty."""
    expires_at: float
    """Unix time, in seconds."""


class KeystoneUnavailable(Exception):
    """It is not known whether a token is valid. The message is for the log, and holds no secret."""
