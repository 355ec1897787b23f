"""Provides the sockets for the pings of one address family, with a new ICMP identifier every minute."""

from __future__ import annotations

import secrets
import select
import socket
from dataclasses import dataclass

import structlog

from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.icmp.icmp_socket import IcmpSocket, open_datagram_socket

_log = structlog.get_logger()

ROTATE_S = 60.0
"""Not below the longest probe timeout: a socket is still read for at least this long after its last ping."""
_STAGES = 3
_MAX_IDENTIFIER = 2**16 - 1


@dataclass(frozen=True, slots=True)
class EchoSocket:
    """A socket and the ICMP identifier of its pings, which the kernel chooses for datagram sockets.

    The identifier is in network byte order, read as a native integer.
    """

    socket: socket.socket
    identifier: int


class EchoSockets:
    """Opens one socket after the other, and reports when any of them can be read.

    Firewalls and NATs keep a session for each address and identifier. A stuck session would look like an outage for as
    long as pings keep it alive, hence the rotation. Each identifier goes through three stages. First, it serves probes
    that confirm a silence: before a VIM is called unreachable, it is pinged with an identifier that its firewall has
    hardly seen. Next, it serves the first probe of each round. Finally, only replies to it are read.
    """

    def __init__(self, opened: IcmpSocket, *, now: float, rotate_s: float = ROTATE_S) -> None:
        """`now`: the time by the clock that is used with `socket_for`."""
        self._raw = opened.raw
        self._family = opened.family
        self._first = opened.socket
        self._rotate_s = rotate_s
        self._rotates_at = now
        self._epoll = select.epoll()
        self._by_fd: dict[int, socket.socket] = {}
        self._stages: list[EchoSocket] = []
        """The newest is last."""
        self._newest = self._regular = self._admit(self._watched(opened.socket))

    def fileno(self) -> int:
        return self._epoll.fileno()

    def close(self) -> None:
        for sock in self._by_fd.values():
            sock.close()
        self._epoll.close()

    def socket_for(self, number: int, now: float) -> EchoSocket:
        """Return the socket for a probe with this number in its round."""
        if now >= self._rotates_at:
            self._rotates_at = now + self._rotate_s
            self._rotate()
            *_, self._regular, self._newest = self._stages[0], *self._stages
        return self._newest if number > 1 else self._regular

    def readable_sockets(self) -> list[tuple[socket.socket, bool]]:
        """Return the sockets that can be read, each with whether errors are queued there."""
        return [(self._by_fd[fd], bool(events & select.EPOLLERR)) for fd, events in self._epoll.poll(0, _STAGES)]

    def _rotate(self) -> None:
        if self._raw:
            # A raw socket receives every echo reply of the machine, so a second one would only duplicate them.
            self._admit(self._first)
            return
        try:
            self._admit(self._watched(open_datagram_socket(self._family)))
        except LocalFault as fault:
            _log.warning("pings keep their ICMP identifier", reason=fault.reason, detail=fault.detail)

    def _admit(self, sock: socket.socket) -> EchoSocket:
        identifier = 1 + secrets.randbelow(_MAX_IDENTIFIER) if self._raw else socket.htons(sock.getsockname()[1])
        self._stages.append(newest := EchoSocket(sock, identifier))
        if len(self._stages) > _STAGES:
            oldest = self._stages.pop(0)
            if not self._raw:
                del self._by_fd[oldest.socket.fileno()]
                oldest.socket.close()
        return newest

    def _watched(self, sock: socket.socket) -> socket.socket:
        self._epoll.register(sock, select.EPOLLIN)
        self._by_fd[sock.fileno()] = sock
        return sock
