"""Holds the connections kept between probes: which targets have one, how many are allowed, and for how long."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.idle.server_memory import ServerMemory
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

LIFE_S = 60.0
"""Average life of a connection. Failures that only a new one shows are seen within 5/4 of it, plus a round."""
REST_LIMIT_S = 5.0
"""Maximum wait for the end of an answer, after the outcome of its probe."""
_GOLDEN = 0.6180339887


class IdleConnections:
    """At most one connection per target and per server. Callers close every connection that is removed or rejected.

    While a connection is renewed, the old one stays open next to the new one until the new one is answered.
    """

    def __init__(
        self, *, clock: Clock, servers: ServerMemory, most: int, most_encrypted: int, life_s: float = LIFE_S
    ) -> None:
        self._clock = clock
        self.servers = servers
        self._most = most
        self._most_encrypted = most_encrypted
        self._life_s = life_s
        self._count = itertools.count()
        # Both in order of arrival: the least recently used is first.
        self._idle: dict[Target, HttpConnection] = {}
        self.draining: dict[Target, tuple[HttpConnection, float]] = {}
        """Connections whose answers are incomplete, each with the deadline for the rest."""
        self._outgoing: dict[Target, HttpConnection] = {}
        """Connections that are being renewed."""
        self._encrypted = 0

    def life_s(self, target: Target, address: ProbeAddress, *, encrypted: bool) -> float:
        """Return for how many seconds a new connection may be used; 0: for one probe only.

        The last probe of a round always uses a new connection, and with `fall` 1 the first probe is the last. If the
        result is not 0, the target holds the place at the address until `vacate`.
        """
        policy = target.policy
        if policy.fall < 2 or policy.interval_s > self._life_s / 2 or self._full(encrypted=encrypted):
            return 0.0
        if not self.servers.claim(address, target):
            return 0.0
        # Spread out, so that connections made at the same time are not renewed at the same time.
        return self._life_s * (0.75 + next(self._count) * _GOLDEN % 0.5)

    def _full(self, *, encrypted: bool) -> bool:
        if len(self._idle) + len(self.draining) >= self._most:
            return True
        return encrypted and self._encrypted >= self._most_encrypted

    def keep(self, connection: HttpConnection) -> bool:
        """Add a connection after its outcome; False: there is no place, or another connection has it."""
        target = connection.target
        if target in self._idle or target in self.draining:
            return False
        # A reused connection has left its place only for its probe.
        if not connection.is_reused and not self._has_place(connection):
            return False
        self._encrypted += connection.encrypted
        if connection.is_idle:
            self._idle[target] = connection
        else:
            self.draining[target] = (connection, self._clock() + REST_LIMIT_S)
        return True

    def _has_place(self, connection: HttpConnection) -> bool:
        if self._full(encrypted=connection.encrypted):
            return False
        return self.servers.claim(connection.address, connection.target)

    def settle(self, connection: HttpConnection) -> None:
        """Make a draining connection idle if its answer was read to the end."""
        if connection.is_idle and self.draining.pop(connection.target, None) is not None:
            self._idle[connection.target] = connection

    def take(self, target: Target) -> HttpConnection | None:
        """Remove and return the connection of a target; None if it has none."""
        connection = self._idle.pop(target, None)
        if connection is None:
            if not self.draining or target not in self.draining:
                return None
            connection, _ = self.draining.pop(target)
        self._encrypted -= connection.encrypted
        return connection

    def take_oldest(self) -> HttpConnection | None:
        """Remove and return the least valuable connection; None if there is none."""
        target = next(itertools.chain(self._idle, self.draining), None)
        if target is not None:
            return self.take(target)
        return self._outgoing.popitem()[1] if self._outgoing else None

    def renew(self, connection: HttpConnection) -> None:
        """Hold a connection that was taken out until its successor is answered."""
        self._outgoing[connection.target] = connection

    def take_outgoing(self, target: Target) -> HttpConnection | None:
        """Remove and return a target's connection that is open next to its successor; None if it has none."""
        return self._outgoing.pop(target, None) if self._outgoing else None

    def take_at(self, address: ProbeAddress) -> HttpConnection | None:
        """Remove and return the connection at an address, regardless of its target; None if there is none."""
        target = self.servers.holder(address)
        if target is None:
            return None
        connection = self._find_connection(target)
        if connection is None or connection.address != address:
            return None
        return self.take_outgoing(target) or self.take(target)

    def _find_connection(self, target: Target) -> HttpConnection | None:
        connection = self._outgoing.get(target) or self._idle.get(target)
        if connection is None and target in self.draining:
            connection, _ = self.draining[target]
        return connection

    def vacate(self, target: Target, address: ProbeAddress) -> None:
        """Free the place at an address, if the target has it but has no connection there."""
        if self.servers.holder(address) is not target:
            return
        connection = self._find_connection(target)
        if connection is None or connection.address != address:
            self.servers.vacate(address, target)

    def take_overdue(self) -> Iterator[HttpConnection]:
        """Remove and yield the connections whose answers did not end in time."""
        while self.draining:
            target, (connection, until) = next(iter(self.draining.items()))
            if self._clock() < until:
                return
            self.take(target)
            yield connection

    def remove_ended(self, connection: HttpConnection) -> None:
        """Remove a connection that cannot be used again."""
        if self._outgoing.get(connection.target) is connection:
            del self._outgoing[connection.target]
            return
        self.take(connection.target)
        if connection.is_idle and not connection.is_reused:
            # Its server closes idle connections before the next round: keeping one only burdens the server.
            self.servers.refuse(connection.address)

    def take_all(self, target: Target) -> Iterator[HttpConnection]:
        """Remove and yield the connections of a target that is no longer probed."""
        for connection in (self.take_outgoing(target), self.take(target)):
            if connection is not None:
                yield connection
