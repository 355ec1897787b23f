"""Finds out whether probes have left this machine: its own firewall may drop them silently (G12)."""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Iterable, Mapping
from enum import Enum, auto

from vimesh.domain.probing import Reason
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.base.errno_reasons import is_local, local_fault
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.scheduling.stall_clock import Clock

TRIES_PER_S = 1000
"""Above this rate, the outcome of the newest try stands in for further tries."""

# struct tcp_info of linux/tcp.h: eight single bytes, then 32-bit numbers.
_TCP_INFO_BYTES = 104
_STATE_AT = 0
_RETRANS = struct.Struct("=36xI60xI")
"""tcpi_retrans: retransmissions in flight. tcpi_total_retrans: retransmissions tried."""
_SYN_SENT = 2


_DROPPED = "a firewall on this machine drops outgoing packets"


class Fate(Enum):
    """What became of the packets of a connection request."""

    LEFT = auto()
    DROPPED = auto()
    UNKNOWN = auto()
    """The kernel has sent only one packet, and does not report what became of it."""


class OwnOutput:
    """Finds out whether packets are dropped between the call that sends them and the network."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._tries = 0
        self._counted_since = clock()
        self._newest: LocalFault | None = None
        self._datagrams_leave = True
        """Whether datagrams leave this machine when TCP does."""
        self._witness: tuple[ProbeAddress, float] | None = None
        """Source and time of the newest answer on a new connection."""

    def record_answer(self, address: ProbeAddress, at: float) -> None:
        """Note an answer on a new connection, which shows that TCP leaves this machine."""
        if self._witness is None:
            self._datagrams_leave = _send_datagram(address) is None
        self._witness = (address, at)

    def find_fault(self, connections: Iterable[Connection]) -> LocalFault | None:
        """Return what kept every connection request under way on this machine; None: one may have left."""
        faults: dict[ProbeAddress, LocalFault | None] = {}
        since = math.inf
        for connection in connections:
            # A kept connection proves nothing: its handshake succeeded earlier, whatever drops packets now.
            if connection.is_reused:
                continue
            since = min(since, connection.sent_at)
            fate = _fate(connection)
            if fate is Fate.LEFT:
                return None
            if fate is Fate.DROPPED:
                faults[connection.address] = LocalFault(Reason.LOCAL_PERMISSION, _DROPPED)
            else:
                faults.setdefault(connection.address, None)
        return self._first_of(faults, since)

    def _first_of(self, faults: Mapping[ProbeAddress, LocalFault | None], since: float) -> LocalFault | None:
        first = None
        for address, known in faults.items():
            fault = known or self._try_datagram(address, since)
            if fault is None:
                return None
            first = first or fault
        return first

    def _try_datagram(self, address: ProbeAddress, since: float) -> LocalFault | None:
        """Try a datagram: until the first retransmission, only that shows a drop, as an error of the send call."""
        now = self._clock()
        if now - self._counted_since >= 1:
            self._counted_since, self._tries = now, 0
        self._tries += 1
        if self._tries <= TRIES_PER_S:
            self._check_witness(since)
            self._newest = _send_datagram(address)
        return self._newest if self._datagrams_leave else None

    def _check_witness(self, since: float) -> None:
        """Check whether a datagram can go where TCP has gone since then: many firewalls allow only TCP."""
        if self._witness is not None and self._witness[1] > since:
            self._datagrams_leave = _send_datagram(self._witness[0]) is None


def _fate(connection: Connection) -> Fate:
    info = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    on_their_way, tried = _RETRANS.unpack_from(info)
    if info[_STATE_AT] != _SYN_SENT or on_their_way:
        return Fate.LEFT
    return Fate.DROPPED if tried else Fate.UNKNOWN


def _send_datagram(address: ProbeAddress) -> LocalFault | None:
    """Send an empty datagram that no router forwards; return what kept it on this machine, or None."""
    level, option = (
        (socket.IPPROTO_IP, socket.IP_TTL)
        if address.family == socket.AF_INET
        else (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
    )
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            sender.setsockopt(level, option, 1)
            sender.sendto(b"", address.sockaddr)
    except OSError as error:
        return local_fault(error.errno or 0) if is_local(error.errno or 0) else None
    return None
