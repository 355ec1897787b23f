"""Represents IP addresses in the forms that sockets need."""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import NamedTuple

from vimesh.domain.endpoints import Endpoint

Sockaddr = tuple[str, int] | tuple[str, int, int, int]


class ProbeAddress(NamedTuple):
    """Where to send a probe."""

    family: int
    sockaddr: Sockaddr


_SOCKADDR_V4 = struct.Struct("=HH4s8x")
_SOCKADDR_V6 = struct.Struct("=HHI16sI")
_MAX_SCOPE = 2**32 - 1


def sockaddr_bytes(family: int) -> int:
    """Return the length of an address of the family in the kernel's format."""
    return _SOCKADDR_V4.size if family == socket.AF_INET else _SOCKADDR_V6.size


def pack_sockaddr(address: ProbeAddress) -> bytes:
    """Return the address in the kernel's format: struct sockaddr_in or sockaddr_in6."""
    ip, port, *rest = address.sockaddr
    ip_bytes, port_there = socket.inet_pton(address.family, ip), socket.htons(port)
    if address.family == socket.AF_INET:
        return _SOCKADDR_V4.pack(address.family, port_there, ip_bytes)
    return _SOCKADDR_V6.pack(address.family, port_there, 0, ip_bytes, rest[1])


def pack_ip(address: ProbeAddress) -> bytes:
    """Return the address as it appears in an IP header."""
    return socket.inet_pton(address.family, address.sockaddr[0])


def ip_in_sockaddr(sockaddr_bytes: int) -> tuple[int, int]:
    """Return the offset and length of the packed IP address in the kernel's format."""
    return (4, 4) if sockaddr_bytes == _SOCKADDR_V4.size else (8, 16)


class IpHost(NamedTuple):
    """An IP address without a port."""

    family: int
    ip: str
    scope: int = 0
    """Interface index, for link-local IPv6 addresses."""

    def address(self, port: int) -> ProbeAddress:
        if self.family == socket.AF_INET:
            return ProbeAddress(self.family, (self.ip, port))
        return ProbeAddress(self.family, (self.ip, port, 0, self.scope))


def fixed_host(endpoint: Endpoint) -> IpHost | None:
    """Return the host of an endpoint that is given by IP address; None if it is a name.

    The interface is looked up each time: its number may have changed.
    """
    try:
        # Nearly all hosts are IPv4 addresses: reuse the string as it is.
        socket.inet_pton(socket.AF_INET, endpoint.host)
    except OSError:
        address = endpoint.address
        return None if address is None else host_of(address)
    return IpHost(socket.AF_INET, endpoint.host)


def host_of(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> IpHost:
    """Return the host of an address. A missing interface gives scope 0: sending then fails with a local fault."""
    if isinstance(ip, ipaddress.IPv4Address):
        return IpHost(socket.AF_INET, str(ip))
    plain, _, zone = str(ip).partition("%")
    return IpHost(socket.AF_INET6, plain, _scope(zone))


def _scope(zone: str) -> int:
    if zone.isdigit():
        number = int(zone)
        return number if number <= _MAX_SCOPE else 0
    try:
        return socket.if_nametoindex(zone) if zone else 0
    except OSError:
        return 0
