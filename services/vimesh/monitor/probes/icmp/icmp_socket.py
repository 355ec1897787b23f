"""Opens sockets for ICMP echo, with whichever permission the process has."""

from __future__ import annotations

import errno
import socket
import struct
from dataclasses import dataclass

from vimesh.domain.probing import Reason
from vimesh.monitor.net.icmp_packet import ECHO_REPLY_V4, ECHO_REPLY_V6
from vimesh.monitor.probes.base.prober import LocalFault

RECEIVE_BUFFER_BYTES = 32 << 20
"""The default holds 256 replies: the rest of a burst would be lost and look like an outage."""

# Linux constants that the socket module lacks.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_SO_RCVBUFFORCE = 33
_SOL_RAW = 255
_ICMP_FILTER = 1
_ICMP6_FILTER = 1
_ALL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class IcmpSocket:
    """One socket for all echo requests of a family."""

    socket: socket.socket
    family: int
    raw: bool
    """Raw IPv4 sockets require a checksum, and deliver the IP header as well."""


def open_icmp_socket(family: int) -> IcmpSocket:
    """Open a datagram socket (needs ping_group_range), else a raw one (needs CAP_NET_RAW). Raises LocalFault."""
    try:
        return IcmpSocket(_open(family, socket.SOCK_DGRAM), family, raw=False)
    except PermissionError:
        pass  # the default of many distributions; a process with the capability may still open a raw one
    except OSError as error:
        raise _fault(error) from error
    try:
        return IcmpSocket(_open(family, socket.SOCK_RAW), family, raw=True)
    except OSError as error:
        raise _fault(error) from error


def open_datagram_socket(family: int) -> socket.socket:
    """Open another datagram socket, with another ICMP identifier. Raises LocalFault."""
    try:
        return _open(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise _fault(error) from error


def _fault(error: OSError) -> LocalFault:
    if isinstance(error, PermissionError):
        detail = "ICMP sockets are not allowed: set net.ipv4.ping_group_range, or grant CAP_NET_RAW"
        return LocalFault(Reason.LOCAL_PERMISSION, detail)
    if error.errno == errno.EAFNOSUPPORT:
        return LocalFault(Reason.LOCAL_NO_ROUTE, "this machine does not support that IP version")
    return LocalFault(Reason.LOCAL_RESOURCES, str(error))


def _open(family: int, kind: socket.SocketKind) -> socket.socket:
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        _grow_receive_buffer(sock)
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        if kind == socket.SOCK_RAW:
            _only_echo_replies(sock, family)
        else:
            sock.bind(("", 0))  # now, not at the first ping, so that the identifier is known
    except BaseException:
        sock.close()
        raise
    return sock


def _grow_receive_buffer(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except PermissionError:
        # Without CAP_NET_ADMIN, the kernel limits the size to net.core.rmem_max.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)


def _only_echo_replies(sock: socket.socket, family: int) -> None:
    # A raw socket sees every ICMP packet of the machine. In both filters a set bit blocks.
    if family == socket.AF_INET:
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", _ALL ^ (1 << ECHO_REPLY_V4)))
        return
    words = [_ALL] * 8
    words[ECHO_REPLY_V6 >> 5] ^= 1 << (ECHO_REPLY_V6 & 31)
    sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))
