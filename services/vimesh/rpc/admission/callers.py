"""Finds the address that a call comes from, as far as it can be determined."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import unquote

_FORWARDED_FOR: Final = "x-forwarded-for"
_LOCAL: Final = "local"
_SUBSCRIBER_BITS: Final = 64
"""Length of the IPv6 prefix that a subscriber gets; the subscriber chooses the other bits."""


def caller(metadata: Iterable[tuple[str, str | bytes]], peer: str) -> str:
    """Return the caller's address as the front reports it, or else that of the peer; `local` for a unix socket.

    The front leaves one address in `x-forwarded-for`: that of its peer, or the caller's as a trusted proxy reports it.
    So it cannot be forged through the front. A caller that bypasses the front can forge it, and is then bound only by
    the limits that all callers share.
    """
    forwarded = ""
    for key, value in metadata:
        if key == _FORWARDED_FOR and isinstance(value, str):
            forwarded = value
    return _network(forwarded.rpartition(",")[2].strip()) if forwarded else _host(peer)


def _host(peer: str) -> str:
    """Read the address from a gRPC peer: `ipv4:1.2.3.4:5`, `ipv6:%5B::1%5D:5` or `unix:path`."""
    family, _, address = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return _LOCAL
    return _network(unquote(address).rpartition(":")[0].strip("[]"))


def _network(text: str) -> str:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        # A socket path, which is what the front writes for callers of a unix socket, or a value that our front never
        # writes. All such callers share one limit.
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> _SUBSCRIBER_BITS << _SUBSCRIBER_BITS))
