"""Connections that stand between the probes of a target: who has one, how many there may be, and for how long."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from vimesh.monitor.http import HttpConnection
from vimesh.monitor.running_clock import Clock
from vimesh.monitor.target import Target

LIFE_S = 60.0
"""A connection is used for about so long. What only a new one would show is seen within 5/4 of it, plus a round."""
REST_LIMIT_S = 5.0
"""An answer that takes longer to come to its end is not waited for."""
UNWILLING_S = 600.0
"""A server that closed a connection before its second probe is not asked to keep one for so long."""
_GOLDEN = 0.6180339887


class Kept:
    """At most one connection per target. Who calls closes what is taken out, refused or told off here."""

    def __init__(self, *, clock: Clock, most: int, most_encrypted: int, life_s: float = LIFE_S) -> None:
        self._clock = clock
        self._most = most
        self._most_encrypted = most_encrypted
        self._life_s = life_s
        self._count = itertools.count()
        # Both in the order in which they came: the one that was used longest ago is the first.
        self._idle: dict[Target, HttpConnection] = {}
        self._draining: dict[Target, tuple[HttpConnection, float]] = {}
        self._encrypted = 0
        self._unwilling: dict[Target, float] = {}

    def life_s(self, target: Target, *, encrypted: bool) -> float:
        """For how long a new connection may be used; 0: for one probe only.

        The last word on a VIM is always that of a new connection: with `fall` 1 the first probe is the last.
        """
        policy = target.policy
        if policy.fall < 2 or policy.interval_s > self._life_s / 2 or self._full(encrypted=encrypted):
            return 0.0
        if self._unwilling and self._clock() < self._unwilling.get(target, 0.0):
            return 0.0
        # What was connected at one time is not renewed at one time.
        return self._life_s * (0.75 + next(self._count) * _GOLDEN % 0.5)

    def _full(self, *, encrypted: bool) -> bool:
        if len(self._idle) + len(self._draining) >= self._most:
            return True
        return encrypted and self._encrypted >= self._most_encrypted

    def keep(self, connection: HttpConnection) -> bool:
        """Take a connection in after its outcome; False: there is no place, or another one has it."""
        target = connection.target
        if target in self._idle or target in self._draining:
            return False
        # One that had a place has left it only for its probe.
        if not connection.reused and self._full(encrypted=connection.encrypted):
            return False
        self._encrypted += connection.encrypted
        if connection.idle:
            self._idle[target] = connection
        else:
            self._draining[target] = (connection, self._clock() + REST_LIMIT_S)
        return True

    def settle(self, connection: HttpConnection) -> None:
        """Note that more of an answer was read."""
        if connection.idle and self._draining.pop(connection.target, None) is not None:
            self._idle[connection.target] = connection

    def take(self, target: Target) -> HttpConnection | None:
        """Take out the connection of a target."""
        connection = self._idle.pop(target, None)
        if connection is None:
            if not self._draining or target not in self._draining:
                return None
            connection, _ = self._draining.pop(target)
        self._encrypted -= connection.encrypted
        return connection

    def take_oldest(self) -> HttpConnection | None:
        """Take out the connection whose place is missed least."""
        target = next(itertools.chain(self._idle, self._draining), None)
        return None if target is None else self.take(target)

    def take_overdue(self) -> Iterator[HttpConnection]:
        """Take out those whose answers do not come to their end."""
        while self._draining:
            target, (connection, until) = next(iter(self._draining.items()))
            if self._clock() < until:
                return
            self.take(target)
            yield connection

    def ended(self, connection: HttpConnection) -> None:
        """Take out a connection that is of no use any more."""
        self.take(connection.target)
        if connection.idle and not connection.reused:
            # Its server closes idle connections sooner than the next round comes: keeping one is a burden on it.
            self._unwilling[connection.target] = self._clock() + UNWILLING_S

    def forget(self, target: Target) -> HttpConnection | None:
        """Take out the connection of a target that is not probed any more, and all that is known of it."""
        self._unwilling.pop(target, None)
        return self.take(target)
