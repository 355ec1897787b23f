"""Reads which ports this machine gives to its own connections."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Applies to both families, despite its name."""


@cache
def ephemeral_ports() -> range:
    """Return the range; all ports if the kernel does not report it."""
    try:
        first, last = map(int, _RANGE.read_text().split())
    except (OSError, ValueError):
        return range(65536)
    return range(first, last + 1)
