"""IP addresses as sockets want them."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple

Sockaddr = tuple[str, int] | tuple[str, int, int, int]


class Address(NamedTuple):
    """Where to send a probe."""

    family: int
    sockaddr: Sockaddr


class Host(NamedTuple):
    """An IP address without a port."""

    family: int
    ip: str
    scope: int = 0
    """Of a link-local IPv6 address: the interface."""

    def address(self, port: int) -> Address:
        if self.family == socket.AF_INET:
            return Address(self.family, (self.ip, port))
        return Address(self.family, (self.ip, port, 0, self.scope))


def host_of(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Host:
    """An interface that does not exist gives scope 0: sending then fails, as a local fault."""
    if isinstance(ip, ipaddress.IPv4Address):
        return Host(socket.AF_INET, str(ip))
    plain, _, zone = str(ip).partition("%")
    return Host(socket.AF_INET6, plain, _scope(zone))


def _scope(zone: str) -> int:
    if not zone or zone.isdigit():
        return int(zone or 0)
    try:
        return socket.if_nametoindex(zone)
    except OSError:
        return 0
