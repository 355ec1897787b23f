"""Tests whether a server has spare workers before a connection is kept there.

A server may dedicate a worker to each connection. A connection that is idle between probes then takes a worker away
from the server's users; if there is only one worker, it locks all of them out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.idle.server_memory import LATE_S, ServerMemory
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

SPARE_CONNECTIONS = 2
"""Number of further connections that must be answered, one after the other, while all earlier ones stay idle."""
MOST_TRIALS = 64
"""Maximum at a time, in the whole process."""
PROVEN_S = 3600.0
"""How long the outcome of a trial is trusted."""
LEAST_TRIAL_S = 1.0
"""Minimum time for the answer of a trial. With a shorter timeout, a monitor that meets a whole fleet at once would find
all of it late, and would then be kept busy by the connections that it could have kept."""
TRIAL = 0
"""Probe number of the connections of trials, which belong to no round."""

Open = Callable[[Target, ProbeAddress], HttpConnection | None]
"""Opens a connection with the number TRIAL; None: there is no room for it. Raises LocalFault."""


class ServerTrial:
    """One connection that is a candidate for keeping, and those opened next to it as a test."""

    __slots__ = ("connection", "deadline", "spares")

    def __init__(self, connection: HttpConnection) -> None:
        self.connection = connection
        self.spares: list[HttpConnection] = []
        self.deadline = 0.0
        """Deadline for the answer on the newest connection."""

    @property
    def is_refused(self) -> bool:
        """Whether a connection failed, or the server closed it or announced that it will."""
        return any(isinstance(each.outcome, tuple) or not each.may_stay_open for each in self.spares)

    @property
    def is_answered(self) -> bool:
        """Whether every connection has been answered to the end."""
        return all(each.outcome is not None and each.is_idle for each in self.spares)


class ServerTrials:
    """All trials under way. They run independently of rounds and never count for or against a VIM."""

    def __init__(
        self, *, clock: Clock, servers: ServerMemory, open_one: Open, release: Callable[[HttpConnection], None]
    ) -> None:
        """`release` closes a connection, whether it is idle or not."""
        self._clock = clock
        self._servers = servers
        self._open_one = open_one
        self._release = release
        self._due: deque[ServerTrial] = deque()
        """Not started yet."""
        self.under_way: dict[Target, ServerTrial] = {}
        """Keyed by the target whose connection is a candidate."""

    @property
    def has_room(self) -> bool:
        return len(self.under_way) < MOST_TRIALS

    def add(self, connection: HttpConnection) -> None:
        """Add a trial for a connection that has been idle since its first answer. Nothing is sent before `run`.

        A trial of the same connection that is under way continues: further answers may arrive in pieces. A trial of
        an earlier connection of the target is cancelled, so that no connection stays open without a trial.
        """
        earlier = self.under_way.get(connection.target)
        if earlier is not None and earlier.connection is connection:
            return
        self.cancel(connection.target)
        trial = ServerTrial(connection)
        self.under_way[connection.target] = trial
        self._due.append(trial)

    def end_for(self, connection: HttpConnection) -> None:
        """Cancel the trial of a connection that was closed."""
        if self.under_way:
            trial = self.under_way.get(connection.target)
            if trial is not None and trial.connection is connection:
                self.cancel(connection.target)

    def give_up(self, target: Target) -> None:
        """Abandon the trial of the target's connection after a local fault, and close the connection."""
        trial = self.under_way.get(target)
        if trial is not None:
            self._give_up(trial)

    def cancel(self, target: Target) -> None:
        """End the trial of the target's connection, without a refusal, and close the connections next to it."""
        trial = self.under_way.pop(target, None)
        if trial is not None:
            self._close_spares(trial)

    def run(self) -> None:
        """Continue the trials that were answered, and judge those that took too long. Opens sockets."""
        while self._due:
            trial = self._due.popleft()
            if self.under_way.get(trial.connection.target) is trial:
                self._add_connection(trial)
        for target, trial in tuple(self.under_way.items()):
            if self.under_way.get(target) is trial:
                self._advance(trial)

    def _advance(self, trial: ServerTrial) -> None:
        if trial.is_refused:
            self._fail(trial)
        elif not trial.is_answered:
            if self._clock() >= trial.deadline:
                self._end_late(trial)
        elif len(trial.spares) < SPARE_CONNECTIONS:
            self._add_connection(trial)
        else:
            trial.connection.proven_at = self._clock()
            self.cancel(trial.connection.target)

    def _end_late(self, trial: ServerTrial) -> None:
        if trial.spares[-1].own_fault() is None:
            self._servers.refuse(trial.connection.address, LATE_S)
        self._give_up(trial)

    def _add_connection(self, trial: ServerTrial) -> None:
        target = trial.connection.target
        try:
            opened = self._open_one(target, trial.connection.address)
        except LocalFault:
            opened = None
        if opened is None:
            # A local shortage does not count against the server, but proves nothing in its favour either.
            self._give_up(trial)
            return
        trial.deadline = self._clock() + max(target.policy.timeout_s, LEAST_TRIAL_S)
        trial.spares.append(opened)

    def _fail(self, trial: ServerTrial) -> None:
        self._servers.refuse(trial.connection.address)
        self._give_up(trial)

    def _give_up(self, trial: ServerTrial) -> None:
        # First the connection that may occupy the server's worker.
        self.under_way.pop(trial.connection.target, None)
        self._release(trial.connection)
        self._close_spares(trial)

    def _close_spares(self, trial: ServerTrial) -> None:
        for connection in trial.spares:
            self._release(connection)
