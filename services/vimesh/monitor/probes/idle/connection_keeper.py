"""Decides which HTTP connections to keep: none that would harm a server or hide what a new one would show."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.idle.idle_connections import IdleConnections
from vimesh.monitor.probes.idle.server_trials import PROVEN_S, TRIAL, Open, ServerTrials
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target


class ConnectionKeeper:
    """Opens and closes connections through the callables passed in: it does not own the sockets."""

    def __init__(
        self,
        *,
        clock: Clock,
        idle_connections: IdleConnections,
        open_trial: Open,
        release: Callable[[Connection], None],
        has_room: Callable[[], bool],
    ) -> None:
        """`has_room`: returns whether one more socket may be opened."""
        self._clock = clock
        self._idle_connections = idle_connections
        self._servers = idle_connections.servers
        self._trials = ServerTrials(
            clock=clock, servers=idle_connections.servers, open_one=open_trial, release=self._stop_keeping
        )
        self._release = release
        self._has_room = has_room
        self.rounds_to_end: set[int] = set()
        """Serials of the rounds that need `end_round`."""
        self._suspected: dict[int, ProbeAddress] = {}
        """By round: the address where a kept connection was closed because a new one next to it got no answer."""

    def is_busy(self) -> bool:
        """Return whether work is pending that belongs to no round."""
        return bool(self._idle_connections.draining or self._trials.under_way)

    def reuse(self, target: Target, number: int, address: ProbeAddress) -> HttpConnection | None:
        """Send a probe on the target's kept connection, unless it is the round's last; None: a new one is needed.

        An expired connection stays open until its successor is answered.
        """
        connection = self._idle_connections.take(target)
        if connection is None:
            return None
        if connection.is_idle and number == 1 and target.track.has_more and connection.address == address:
            if connection.reuse(number):
                return connection
            if connection.is_expired and self._has_room():
                self._idle_connections.renew(connection)
                self.rounds_to_end.add(target.serial)
                return None
        self._release(connection)
        return None

    def free_address_for(self, connection: Connection) -> None:
        """Close a kept connection at the address of a new, decisive one, which might otherwise be kept waiting."""
        target, address = connection.target, connection.address
        if address not in self._servers.holders:
            return
        track = target.track
        if track.is_recovering or (connection.number == 1 and track.has_more):
            return
        rival = self._idle_connections.take_at(address)
        if rival is None:
            return
        self._release(rival)
        if connection.number == 1:
            self._servers.refuse(address)  # otherwise, each round would find one there
        else:
            self._suspected[target.serial] = address
            self.rounds_to_end.add(target.serial)

    def keep(self, connection: Connection) -> bool:
        """Keep a connection whose probe was answered, if no harm is known; return whether it is kept."""
        if not isinstance(connection, HttpConnection):
            return False
        if connection.is_reused:
            return connection.may_stay_open and self._idle_connections.keep(connection)
        self._replace_outgoing(connection)
        may_keep = connection.proven_at or self._trials.has_room
        if not (may_keep and connection.may_stay_open and self._idle_connections.keep(connection)):
            return False
        if connection.is_idle:
            self._start_trial(connection)
        return True

    def _replace_outgoing(self, connection: HttpConnection) -> None:
        """Let an answered connection replace the one that it renews."""
        target = connection.target
        outgoing = self._idle_connections.take_outgoing(target)
        if outgoing is not None:
            # Both were open, so the server had at least one spare worker.
            if self._clock() - outgoing.proven_at < PROVEN_S:
                connection.proven_at = outgoing.proven_at
            self._release(outgoing)
        elif self._suspected.get(target.serial) == connection.address:
            self._servers.refuse(connection.address)  # it was answered once our kept one was closed

    def _start_trial(self, connection: HttpConnection) -> None:
        if connection.proven_at:
            return
        if self._trials.has_room:
            self._trials.add(connection)
        else:
            self._stop_keeping(connection)

    def update_kept(self, connection: HttpConnection, *, reusable: bool) -> None:
        """Handle data on a connection whose probe was answered; not `reusable`: it cannot be used again."""
        if connection.number == TRIAL:
            if not reusable:
                connection.renew_at = 0.0
        elif not reusable:
            self._idle_connections.remove_ended(connection)
            self._release(connection)
        else:
            self._idle_connections.settle(connection)
            if connection.is_idle:
                self._start_trial(connection)

    def run(self) -> None:
        """Continue the work that belongs to no round. Opens sockets."""
        self._trials.run()
        for overdue in self._idle_connections.take_overdue():
            overdue.note_unfinished()
            self._release(overdue)

    def close_oldest(self) -> bool:
        """Close the least valuable kept connection; False: there is none."""
        oldest = self._idle_connections.take_oldest()
        if oldest is None:
            return False
        self._release(oldest)
        return True

    def give_up_trial(self, target: Target) -> None:
        """Abandon the trial of the target's connection after a local fault."""
        self._trials.give_up(target)

    def end_round(self, target: Target) -> None:
        """Discard what only the target's open round needed. Call this for the rounds in `rounds_to_end`."""
        self.rounds_to_end.discard(target.serial)
        self._suspected.pop(target.serial, None)
        outgoing = self._idle_connections.take_outgoing(target)
        if outgoing is not None:
            self._release(outgoing)

    def dismiss(self, target: Target) -> None:
        """Close the kept connections of a target that is no longer probed."""
        for connection in self._idle_connections.take_all(target):
            self._release(connection)

    def vacate(self, target: Target, address: ProbeAddress) -> None:
        """Free the target's place at the address, unless a kept connection of the target is still there."""
        self._idle_connections.vacate(target, address)

    def note_closed(self, connection: Connection, others: Iterable[Connection]) -> None:
        """Note that a connection was closed. `others`: connections of its target with probes under way."""
        if not isinstance(connection, HttpConnection) or connection.number == TRIAL:
            return
        self._trials.end_for(connection)
        if all(other.address != connection.address for other in others):
            self._idle_connections.vacate(connection.target, connection.address)

    def _stop_keeping(self, connection: HttpConnection) -> None:
        """Close a connection to relieve its server; if its probe is under way, only make sure that it is not kept."""
        if connection.number != TRIAL:
            if connection.outcome is None:
                connection.renew_at = 0.0
                return
            self._idle_connections.take(connection.target)
        self._release(connection)
