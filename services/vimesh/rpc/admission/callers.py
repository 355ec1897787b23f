"""From where a call comes, as far as it can be told."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import unquote

_FORWARDED_FOR: Final = "x-forwarded-for"
_LOCAL: Final = "local"
_SUBSCRIBER_BITS: Final = 64
"""Of an IPv6 address, what a subscriber is given; the other bits are the subscriber's to choose."""


def caller(metadata: Iterable[tuple[str, str | bytes]], peer: str) -> str:
    """Return the address that the front has seen, or else that of the peer; `local` for a unix socket.

    The front leaves one address in `x-forwarded-for`: its peer's, or what a proxy that it trusts says of the caller. So
    nobody can forge it there. Who reaches a conductor around the front can: then only the limits that all callers share
    hold.
    """
    forwarded = ""
    for key, value in metadata:
        if key == _FORWARDED_FOR and isinstance(value, str):
            forwarded = value
    return _network(forwarded.rpartition(",")[2].strip()) if forwarded else _host(peer)


def _host(peer: str) -> str:
    """Read `ipv4:1.2.3.4:5`, `ipv6:%5B::1%5D:5` or `unix:path`, as gRPC writes them."""
    family, _, address = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return _LOCAL
    return _network(unquote(address).rpartition(":")[0].strip("[]"))


def _network(text: str) -> str:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        # The path of a socket, which is what the front sees of callers of its second door, or nothing that a front of
        # ours writes. All of them share a limit.
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> _SUBSCRIBER_BITS << _SUBSCRIBER_BITS))
