"""Decides which HTTP connections stand between probes: none that would do harm, or hide what a new one would show."""

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
    """Opens and closes through the calls that it is given: the sockets are not its own."""

    def __init__(
        self,
        *,
        clock: Clock,
        kept: IdleConnections,
        open_trial: Open,
        release: Callable[[Connection], None],
        has_room: Callable[[], bool],
    ) -> None:
        """`has_room`: whether one more socket may be opened beside those that there are."""
        self._clock = clock
        self._kept = kept
        self._servers = kept.servers
        self._trials = ServerTrials(clock=clock, servers=kept.servers, open_one=open_trial, release=self._part_with)
        self._release = release
        self._has_room = has_room
        self.concerned: set[int] = set()
        """The rounds that `end_round` is needed for."""
        self._suspected: dict[int, ProbeAddress] = {}
        """Where a connection of ours was closed because a new one beside it was not answered, by the latter's round."""

    def is_busy(self) -> bool:
        """Say whether anything is waited for that belongs to no round."""
        return bool(self._kept.draining or self._trials.under_way)

    def ask_again(self, target: Target, number: int, address: ProbeAddress) -> HttpConnection | None:
        """Send a probe on the connection that stands for its target, unless it would have the last word of the round.

        A connection that is too old stands on until a new one is answered.
        """
        kept = self._kept.take(target)
        if kept is None:
            return None
        if kept.idle and number == 1 and target.track.has_more and kept.address == address:
            if kept.ask_again(number):
                return kept
            if kept.expired and self._has_room():
                self._kept.renew(kept)
                self.concerned.add(target.serial)
                return None
        self._release(kept)
        return None

    def make_way(self, connection: Connection) -> None:
        """See that nothing of ours stands where a new connection is about to decide, and may be kept waiting by it."""
        target, address = connection.target, connection.address
        if address not in self._servers.holders:
            return
        track = target.track
        if track.confirming or (connection.number == 1 and track.has_more):
            return
        standing = self._kept.take_at(address)
        if standing is None:
            return
        self._release(standing)
        if connection.number == 1:
            self._servers.refuse(address)  # each round would find one there
        else:
            self._suspected[target.serial] = address
            self.concerned.add(target.serial)

    def keep(self, connection: Connection) -> bool:
        """Let a connection stand whose probe was answered, if that does no harm as far as is known."""
        if not isinstance(connection, HttpConnection):
            return False
        if connection.reused:
            return connection.may_rest and self._kept.keep(connection)
        self._succeed(connection)
        may_stand = connection.proven_at or self._trials.has_room
        if not (may_stand and connection.may_rest and self._kept.keep(connection)):
            return False
        if connection.idle:
            self._prove(connection)
        return True

    def _succeed(self, connection: HttpConnection) -> None:
        """Let a connection that is answered take over from the one that it renews."""
        target = connection.target
        outgoing = self._kept.take_outgoing(target)
        if outgoing is not None:
            # Both stood, so there was a worker to spare at least.
            if self._clock() - outgoing.proven_at < PROVEN_S:
                connection.proven_at = outgoing.proven_at
            self._release(outgoing)
        elif self._suspected.get(target.serial) == connection.address:
            self._servers.refuse(connection.address)  # it was answered as soon as ours was gone

    def _prove(self, connection: HttpConnection) -> None:
        if connection.proven_at:
            return
        if self._trials.has_room:
            self._trials.add(connection)
        else:
            self._part_with(connection)

    def rest(self, connection: HttpConnection, *, of_use: bool) -> None:
        """Note what came on a connection whose probe was answered: more of the answer, or what makes it useless."""
        if connection.number == TRIAL:
            if not of_use:
                connection.renew_at = 0.0
        elif not of_use:
            self._kept.ended(connection)
            self._release(connection)
        else:
            self._kept.settle(connection)
            if connection.idle:
                self._prove(connection)

    def run(self) -> None:
        """Go on with what belongs to no round. Opens sockets."""
        self._trials.run()
        for overdue in self._kept.take_overdue():
            self._release(overdue)

    def give_way(self) -> bool:
        """Close the connection whose place is missed least; False: there is none in reserve."""
        oldest = self._kept.take_oldest()
        if oldest is None:
            return False
        self._release(oldest)
        return True

    def give_up_trial(self, target: Target) -> None:
        """End the trial of the target's connection: it broke for a reason of our own."""
        self._trials.give_up(target)

    def end_round(self, target: Target) -> None:
        """Forget what was of use to the open round of a target, which is one of those `concerned`."""
        self.concerned.discard(target.serial)
        self._suspected.pop(target.serial, None)
        outgoing = self._kept.take_outgoing(target)
        if outgoing is not None:
            self._release(outgoing)

    def dismiss(self, target: Target) -> None:
        """Close what stands for a target that is probed no more."""
        for connection in self._kept.forget(target):
            self._release(connection)

    def vacate(self, target: Target, address: ProbeAddress) -> None:
        """Note that the target has no connection at the address, or one less."""
        self._kept.vacate(target, address)

    def closed(self, connection: Connection, others: Iterable[Connection]) -> None:
        """Note that a connection has been closed. `others`: those of its target that probes are under way on."""
        if not isinstance(connection, HttpConnection) or connection.number == TRIAL:
            return
        self._trials.end_for(connection)
        if all(other.address != connection.address for other in others):
            self._kept.vacate(connection.target, connection.address)

    def _part_with(self, connection: HttpConnection) -> None:
        """Close a connection for the sake of its server; one whose probe is under way ends with that."""
        if connection.number != TRIAL:
            if connection.outcome is None:
                connection.renew_at = 0.0
                return
            self._kept.take(connection.target)
        self._release(connection)
