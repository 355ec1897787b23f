"""Holds connections that are not kept, but whose answers are still read: their probes are over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

MOST: Final = 256
"""At a time: the bodies of further answers are not read in this round."""
PATIENCE_S: Final = 2.0
"""How long the body of an answer may take after its status."""


class AwaitedBodies:
    """Callers close every connection that is taken out or not taken in."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[HttpConnection, float] = {}
        """In order of arrival: the first one is overdue first."""

    def __bool__(self) -> bool:
        return bool(self._until)

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._until

    def add(self, connection: Connection) -> bool:
        """Wait for the body of an answer; False: there is none to wait for, or no place."""
        if len(self._until) >= MOST or not (isinstance(connection, HttpConnection) and connection.awaits_body):
            return False
        self._until[connection] = self._clock() + PATIENCE_S
        return True

    def discard(self, connection: HttpConnection) -> None:
        """Wait no longer for one."""
        del self._until[connection]

    def take_of(self, target: Target) -> list[HttpConnection]:
        """Remove and return those of a target, whose answers nobody waits for any more."""
        taken = [connection for connection in self._until if connection.target is target]
        for connection in taken:
            del self._until[connection]
        return taken

    def take_overdue(self) -> Iterator[HttpConnection]:
        """Remove and yield those whose bodies have not come in time."""
        while self._until:
            connection, until = next(iter(self._until.items()))
            if self._clock() < until:
                return
            del self._until[connection]
            connection.note_unfinished()
            yield connection
