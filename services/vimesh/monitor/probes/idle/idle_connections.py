"""Connections that stand between the probes of a target: who has one, how many there may be, and for how long."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.idle.server_memory import ServerMemory
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

LIFE_S = 60.0
"""A connection is used for about so long. What only a new one would show is seen within 5/4 of it, plus a round."""
REST_LIMIT_S = 5.0
"""An answer that takes longer to come to its end is not waited for."""
_GOLDEN = 0.6180339887


class IdleConnections:
    """At most one connection per target, and per server. Who calls closes what is taken out, refused or told off here.

    While a connection is renewed, the old one stands beside the new one, until that is answered.
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
        # Both in the order in which they came: the one that was used longest ago is the first.
        self._idle: dict[Target, HttpConnection] = {}
        self.draining: dict[Target, tuple[HttpConnection, float]] = {}
        """Those whose answers have not come to their end, and until when that is waited for."""
        self._outgoing: dict[Target, HttpConnection] = {}
        """Those that are being renewed."""
        self._encrypted = 0

    def life_s(self, target: Target, address: ProbeAddress, *, encrypted: bool) -> float:
        """For how long a new connection may be used; 0: for one probe only.

        The last word on a VIM is always that of a new connection: with `fall` 1 the first probe is the last. If it is
        not 0, the place at the address is the target's until `vacate`.
        """
        policy = target.policy
        if policy.fall < 2 or policy.interval_s > self._life_s / 2 or self._full(encrypted=encrypted):
            return 0.0
        if not self.servers.claim(address, target):
            return 0.0
        # What was connected at one time is not renewed at one time.
        return self._life_s * (0.75 + next(self._count) * _GOLDEN % 0.5)

    def _full(self, *, encrypted: bool) -> bool:
        if len(self._idle) + len(self.draining) >= self._most:
            return True
        return encrypted and self._encrypted >= self._most_encrypted

    def keep(self, connection: HttpConnection) -> bool:
        """Take a connection in after its outcome; False: there is no place, or another one has it."""
        target = connection.target
        if target in self._idle or target in self.draining:
            return False
        # One that had a place has left it only for its probe.
        if not connection.reused and not self._has_place(connection):
            return False
        self._encrypted += connection.encrypted
        if connection.idle:
            self._idle[target] = connection
        else:
            self.draining[target] = (connection, self._clock() + REST_LIMIT_S)
        return True

    def _has_place(self, connection: HttpConnection) -> bool:
        if self._full(encrypted=connection.encrypted):
            return False
        return self.servers.claim(connection.address, connection.target)

    def settle(self, connection: HttpConnection) -> None:
        """Note that more of an answer was read."""
        if connection.idle and self.draining.pop(connection.target, None) is not None:
            self._idle[connection.target] = connection

    def take(self, target: Target) -> HttpConnection | None:
        """Take out the connection of a target."""
        connection = self._idle.pop(target, None)
        if connection is None:
            if not self.draining or target not in self.draining:
                return None
            connection, _ = self.draining.pop(target)
        self._encrypted -= connection.encrypted
        return connection

    def take_oldest(self) -> HttpConnection | None:
        """Take out the connection whose place is missed least."""
        target = next(itertools.chain(self._idle, self.draining), None)
        if target is not None:
            return self.take(target)
        return self._outgoing.popitem()[1] if self._outgoing else None

    def renew(self, connection: HttpConnection) -> None:
        """Let a connection that was taken out stand until the one that follows it is answered."""
        self._outgoing[connection.target] = connection

    def take_outgoing(self, target: Target) -> HttpConnection | None:
        """Take out the connection of a target that stands beside its successor."""
        return self._outgoing.pop(target, None) if self._outgoing else None

    def take_at(self, address: ProbeAddress) -> HttpConnection | None:
        """Take out the connection that stands at an address, whatever target has it."""
        target = self.servers.holder(address)
        if target is None:
            return None
        connection = self._standing(target)
        if connection is None or connection.address != address:
            return None
        return self.take_outgoing(target) or self.take(target)

    def _standing(self, target: Target) -> HttpConnection | None:
        connection = self._outgoing.get(target) or self._idle.get(target)
        if connection is None and target in self.draining:
            connection, _ = self.draining[target]
        return connection

    def vacate(self, target: Target, address: ProbeAddress) -> None:
        """Give back the place at an address, if no connection of the target stands there any more."""
        if self.servers.holder(address) is not target:
            return
        standing = self._standing(target)
        if standing is None or standing.address != address:
            self.servers.vacate(address, target)

    def take_overdue(self) -> Iterator[HttpConnection]:
        """Take out those whose answers do not come to their end."""
        while self.draining:
            target, (connection, until) = next(iter(self.draining.items()))
            if self._clock() < until:
                return
            self.take(target)
            yield connection

    def ended(self, connection: HttpConnection) -> None:
        """Take out a connection that is of no use any more."""
        if self._outgoing.get(connection.target) is connection:
            del self._outgoing[connection.target]
            return
        self.take(connection.target)
        if connection.idle and not connection.reused:
            # Its server closes idle connections sooner than the next round comes: keeping one is a burden on it.
            self.servers.refuse(connection.address)

    def forget(self, target: Target) -> Iterator[HttpConnection]:
        """Take out the connections of a target that is not probed any more."""
        for connection in (self.take_outgoing(target), self.take(target)):
            if connection is not None:
                yield connection
