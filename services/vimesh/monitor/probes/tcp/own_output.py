"""Whether the probes under way have left this machine: its own firewall may drop them without a word (G12)."""

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
"""Above this, the outcome of the newest try stands for those that are not made."""

# struct tcp_info of linux/tcp.h: eight single bytes, and then numbers of 32 bits.
_TCP_INFO_BYTES = 104
_STATE_AT = 0
_RETRANS = struct.Struct("=36xI60xI")
"""tcpi_retrans: retransmissions that are on their way. tcpi_total_retrans: those that were tried."""
_SYN_SENT = 2


_DROPPED = "a firewall of this machine drops what is sent"


class Fate(Enum):
    """What became of the packets of a connection request."""

    LEFT = auto()
    DROPPED = auto()
    UNKNOWN = auto()
    """The kernel has sent only one, and does not say what became of it."""


class OwnOutput:
    """Says what becomes of packets between the call that sends them and the network."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._tries = 0
        self._counted_since = clock()
        self._newest: LocalFault | None = None
        self._datagrams_tell = True
        """Whether datagrams leave this machine when TCP does."""
        self._witness: tuple[ProbeAddress, float] | None = None
        """Where the newest answer on a new connection came from, and when."""

    def hear(self, address: ProbeAddress, at: float) -> None:
        """Note an answer on a new connection: so TCP leaves this machine."""
        if self._witness is None:
            self._datagrams_tell = _send_datagram(address) is None
        self._witness = (address, at)

    def fault(self, connections: Iterable[Connection]) -> LocalFault | None:
        """Say what kept in every connection request under way; None: one of them may have left."""
        faults: dict[ProbeAddress, LocalFault | None] = {}
        since = math.inf
        for connection in connections:
            # One that stood before says nothing: its handshake passed whatever stands in the way now.
            if connection.reused:
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
            fault = known or self._try(address, since)
            if fault is None:
                return None
            first = first or fault
        return first

    def _try(self, address: ProbeAddress, since: float) -> LocalFault | None:
        """Before the first retransmission, only a datagram can tell: the call that sends one says if it is dropped."""
        now = self._clock()
        if now - self._counted_since >= 1:
            self._counted_since, self._tries = now, 0
        self._tries += 1
        if self._tries <= TRIES_PER_S:
            self._learn(since)
            self._newest = _send_datagram(address)
        return self._newest if self._datagrams_tell else None

    def _learn(self, since: float) -> None:
        """See whether a datagram gets out to where TCP has passed since then: many firewalls let nothing else out."""
        if self._witness is not None and self._witness[1] > since:
            self._datagrams_tell = _send_datagram(self._witness[0]) is None


def _fate(connection: Connection) -> Fate:
    info = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    on_their_way, tried = _RETRANS.unpack_from(info)
    if info[_STATE_AT] != _SYN_SENT or on_their_way:
        return Fate.LEFT
    return Fate.DROPPED if tried else Fate.UNKNOWN


def _send_datagram(address: ProbeAddress) -> LocalFault | None:
    """Send nothing in a datagram that no router passes on; say what kept it in."""
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
