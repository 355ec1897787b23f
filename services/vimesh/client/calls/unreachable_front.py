"""Tells from gRPC's words whether a front can be reached at all: the status alone does not say."""

from __future__ import annotations


def nothing_listens(message: str) -> bool:
    """Return whether gRPC itself could not connect. Only the message text shows that."""
    return "failed to connect" in message or "no route" in message.lower()


def unresolvable(message: str) -> bool:
    """Return whether the host name of the address cannot be resolved."""
    return "DNS" in message or "hostname lookup" in message or "resol" in message.lower()
