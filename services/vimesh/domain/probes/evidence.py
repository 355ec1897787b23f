"""Defines what one round of probes has seen, step by step: it is kept only of rounds that somebody asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vimesh.domain.conditions.conditions import Certificate, Condition

MAX_ATTEMPTS: Final = 20
"""Further ones are not told; the rules in the proto state the same."""


@dataclass(frozen=True, slots=True)
class ProbeAttempt:
    """One connection. Times are in seconds since it was begun; None: it did not come so far."""

    address: str
    """With the port: `192.0.2.7:443`, `[2001:db8::7]:443`."""
    begun_s: float
    """Since the round began."""
    connected_s: float | None
    encrypted_s: float | None
    """Until the TLS handshake was over."""
    first_byte_s: float | None
    answered_s: float | None
    """Until it counted as answered."""
    reason: str
    """Why it failed; empty: it was answered, or the round ended before."""
    detail: str


@dataclass(frozen=True, slots=True)
class ProbeEvidence:
    attempts: tuple[ProbeAttempt, ...]
    """In the order in which they were begun; none of PING, which makes no connections."""
    http_status: int
    """Of the newest answer; 0: there was none."""
    headers: tuple[tuple[str, str], ...]
    """Headers of that answer that say what answers, and where else to look. None of them is secret."""
    certificate: Certificate | None
    conditions: tuple[Condition, ...]
    """What follows from the certificate and, with the depth SERVICE, from the answer."""
