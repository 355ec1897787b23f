"""Probes over TCP, with one epoll object for all sockets and a limit on their number."""

from __future__ import annotations

import select
from collections.abc import Callable
from types import TracebackType
from typing import Self

from vimesh.monitor.loop_guard.loop_watch import LoopWatch
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.base.errno_reasons import FaultLog
from vimesh.monitor.probes.base.prober import FilesExhausted, Listener, LocalFault
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.idle.awaited_bodies import AwaitedBodies
from vimesh.monitor.probes.idle.connection_keeper import ConnectionKeeper
from vimesh.monitor.probes.idle.idle_connections import IdleConnections
from vimesh.monitor.probes.idle.server_trials import TRIAL
from vimesh.monitor.probes.tcp.connection_maker import Connect, ConnectionMaker
from vimesh.monitor.probes.tcp.own_output import OwnOutput
from vimesh.monitor.probes.tcp.socket_limit import SocketLimit
from vimesh.monitor.probes.tcp.socket_queue import SocketQueue
from vimesh.monitor.probes.tls.handshakes import Handshakes
from vimesh.monitor.scheduling.stall_clock import TOLERANCE_S, Clock
from vimesh.monitor.targets.target import Target

_BATCH = 512
_READABLE = select.EPOLLIN


class SocketProber:
    """The prober for TCP and HTTP. Above the limit, probes queue, and that time does not count against the VIM.

    A failure on a kept connection proves nothing: the probe is repeated on a new one, which decides.
    """

    def __init__(  # noqa: PLR0913 - everything it uses is passed in
        self,
        *,
        connect: Connect,
        listener: Listener,
        clock: Clock,
        limit: SocketLimit,
        kept: IdleConnections,
        output: OwnOutput,
        handshakes: Handshakes,
        watch: LoopWatch | None = None,
        lost_within: Callable[[float], float] = lambda _: 0.0,
    ) -> None:
        """`lost_within`: returns for how many of the last seconds this process could not have read an answer."""
        self._lost_within = lost_within
        self._listener = listener
        self._faults = FaultLog()
        self._by_fd: dict[int, Connection] = {}
        """Every open socket."""
        self._keeper = ConnectionKeeper(
            clock=clock,
            idle_connections=kept,
            open_trial=self._open_trial,
            release=self._release,
            has_room=lambda: limit.allows(len(self._by_fd)),
        )
        self._maker = ConnectionMaker(
            connect=connect, limit=limit, open_now=self._by_fd, keeper=self._keeper, faults=self._faults
        )
        self._watch = watch or LoopWatch()
        self._output = output
        self._handshakes = handshakes
        self._epoll = select.epoll()
        # Edge-triggered, so that the eventfd never has to be read.
        self._epoll.register(handshakes.fileno(), select.EPOLLIN | select.EPOLLET)
        self._by_serial: dict[int, list[Connection]] = {}
        """The probes under way, by round."""
        self._to_repeat: list[Connection] = []
        """Probes to repeat on a new connection."""
        self._queue = SocketQueue()
        self._awaited_bodies = AwaitedBodies(clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection in self._by_fd.values():
            connection.close()
        self._epoll.close()

    def fileno(self) -> int:
        return self._epoll.fileno()

    def is_busy(self) -> bool:
        """Return whether work is pending that belongs to no round."""
        return self._keeper.is_busy() or bool(self._awaited_bodies)

    def send(self, target: Target, number: int, address: ProbeAddress) -> bool:
        kept = self._keeper.reuse(target, number, address)
        if kept is not None:
            self._by_serial[target.serial] = [kept]
            return True
        if number > 1:
            self._move_from_others(target, address)
        if self._maker.has_room():
            try:
                self._open(target, number, address)
            except FilesExhausted:
                pass
            else:
                return True
        self._queue.join(target, address)
        return False

    def find_local_fault(self, target: Target) -> LocalFault | None:
        connections = self._by_serial.get(target.serial, ())
        for connection in connections:
            if fault := connection.own_fault():
                return fault
        return self._output.find_fault(connections)

    def abandon_sent(self, target: Target) -> None:
        for connection in self._by_serial.pop(target.serial, ()):
            self._release(connection)
        self._launch_queued()

    def end_round(self, target: Target) -> None:
        if target.serial in self._keeper.rounds_to_end:
            self._keeper.end_round(target)
        # The next drain admits queued probes, not this call: a probe is never sent from within an answer, and a file
        # descriptor that is closed here must not be reused while events of its former owner may be pending.
        if self._queue:
            self._queue.pop(target.serial, None)
        for connection in self._by_serial.pop(target.serial, ()):
            self._release(connection)

    def dismiss(self, target: Target) -> None:
        self._keeper.dismiss(target)
        for connection in self._awaited_bodies.take_of(target):
            self._release(connection)

    def join_cohort(self, target: Target) -> bool:  # noqa: ARG002 - has the signature of the other probers
        """Return False: each connection has a fate of its own."""
        return False

    def leave_cohort(self, target: Target) -> None:
        """Do nothing: there are no cohorts."""

    def drain(self) -> None:
        """Advance every connection that is ready."""
        while True:
            events = self._epoll.poll(0, _BATCH)
            for fd, _ in events:
                connection = self._by_fd.get(fd)
                if connection is None:
                    continue
                if connection.reads:
                    self._watch.begin_step(connection.target)
                if connection.outcome is None:
                    self._advance(connection)
                else:
                    self._read_rest(connection)
            self._continue_pending()
            if len(events) < _BATCH:
                break
        self._watch.end_step()

    def _continue_pending(self) -> None:
        if self._handshakes.has_computed:
            self._advance_computed()
        # Only after all events: a file descriptor that they closed must not be reused while events of its former owner
        # are pending.
        if self._to_repeat:
            self._repeat_all()
        if self._queue:
            self._launch_queued()
        if self._keeper.is_busy():
            self._keeper.run()
        if self._awaited_bodies:
            for overdue in self._awaited_bodies.take_overdue():
                self._release(overdue)

    def _advance_computed(self) -> None:
        """Advance the connections whose handshake steps were computed in threads."""
        for computed in self._handshakes.take_computed():
            if self._by_fd.get(computed.fd) is computed and computed.outcome is None:
                self._watch.begin_step(computed.target)
                self._advance(computed)

    def _move_from_others(self, target: Target, address: ProbeAddress) -> None:
        """Repeat a silent probe of a kept connection on a new one, unless the next probe has the same address."""
        for connection in tuple(self._by_serial.get(target.serial, ())):
            if connection.is_reused and connection.address != address:
                self._repeat(connection)

    def _repeat_all(self) -> None:
        while self._to_repeat:
            connection = self._to_repeat.pop()
            if self._by_fd.get(connection.fd) is not connection:
                continue  # its round is over
            try:
                self._repeat(connection)
            except LocalFault as fault:
                self._listener.record_fault(connection.target, fault.reason, fault.detail)

    def _repeat(self, connection: Connection) -> None:
        self._drop(connection)
        self._open(connection.target, connection.number, connection.address, since=connection.sent_at)

    def _open(self, target: Target, number: int, address: ProbeAddress, *, since: float | None = None) -> None:
        self._launch(self._maker.make(target, number, address), since=since)

    def _open_trial(self, target: Target, address: ProbeAddress) -> HttpConnection | None:
        connection = self._maker.make_for_trial(target, address)
        if connection is not None:
            self._launch(connection)
        return connection

    def _launch(self, connection: Connection, *, since: float | None = None) -> None:
        target = connection.target
        if connection.number != TRIAL:
            if connection.reads:
                self._keeper.free_address_for(connection)
            self._by_serial.setdefault(target.serial, []).append(connection)
        self._by_fd[connection.fd] = connection
        try:
            connection.start(since)
            if connection.outcome is None:
                self._epoll.register(connection.fd, connection.interest)
        except Exception as error:
            self._drop(connection)
            raise self._faults.to_fault(target, error) from error
        if connection.outcome is not None:
            self._finish(connection)

    def _read_rest(self, connection: Connection) -> None:
        """Read what arrives on a connection after its outcome."""
        if not isinstance(connection, HttpConnection):
            return
        try:
            reusable = connection.read_rest()
        except Exception as error:  # noqa: BLE001 - one broken connection must not end the probes of others
            self._faults.to_fault(connection.target, error)
            reusable = False
        if connection in self._awaited_bodies:
            if not (reusable and connection.awaits_body):
                connection.note_unfinished()
                self._awaited_bodies.discard(connection)
                self._release(connection)
            return
        self._keeper.update_kept(connection, reusable=reusable)

    def _advance(self, connection: Connection) -> None:
        interest = connection.interest
        try:
            connection.advance()
            if connection.outcome is None and connection.interest != interest:
                self._epoll.modify(connection.fd, connection.interest)
        except Exception as error:  # noqa: BLE001 - one broken probe must not end those of the others
            if connection.number == TRIAL:
                self._faults.to_fault(connection.target, error)
                self._keeper.give_up_trial(connection.target)
                return
            self._drop(connection)
            fault = self._faults.to_fault(connection.target, error)
            self._listener.record_fault(connection.target, fault.reason, fault.detail)
            return
        if connection.outcome is not None:
            self._finish(connection)

    def _finish(self, connection: Connection) -> None:
        target, outcome = connection.target, connection.outcome
        if connection.number == TRIAL:
            if isinstance(outcome, float):
                self._listen_only(connection)
        elif isinstance(outcome, float):
            self._leave_round(connection)
            if not connection.is_reused:
                self._output.record_answer(connection.address, connection.sent_at + outcome)
            # Decide before `record_answer` ends the round and discards everything that belongs to it alone.
            if self._keeper.keep(connection):
                if connection.interest != _READABLE:  # a reused one listens already
                    self._listen_only(connection)
            elif self._awaited_bodies.add(connection):
                self._listen_only(connection)
            else:
                self._release(connection)
            # No stall is shorter than the tolerance, so a quicker answer did not wait for one.
            lost_s = self._lost_within(outcome) if outcome > TOLERANCE_S else 0.0
            self._listener.record_answer(target, connection.number, max(0.0, outcome - lost_s))
        elif connection.is_reused:
            self._to_repeat.append(connection)
        elif outcome is not None:
            self._drop(connection)
            self._listener.record_failure(target, connection.number, *outcome)

    def _listen_only(self, connection: Connection) -> None:
        """Have epoll report a connection when data arrives, and not whenever it is writable."""
        if connection.interest != _READABLE:
            connection.interest = _READABLE
            self._epoll.modify(connection.fd, _READABLE)

    def _drop(self, connection: Connection) -> None:
        self._leave_round(connection)
        self._release(connection)

    def _leave_round(self, connection: Connection) -> None:
        if connection.number == TRIAL:
            return
        serial = connection.target.serial
        siblings = self._by_serial.pop(serial, ())
        if len(siblings) > 1:
            self._by_serial[serial] = [other for other in siblings if other is not connection]

    def _release(self, connection: Connection) -> None:
        del self._by_fd[connection.fd]
        connection.close()
        if connection.reads:
            self._keeper.note_closed(connection, self._by_serial.get(connection.target.serial, ()))

    def _launch_queued(self) -> None:
        while self._queue and self._maker.has_room():
            target, address = self._queue.take()
            number = target.number + 1
            try:
                connection = self._maker.make(target, number, address)
            except FilesExhausted:
                self._queue.put_back(target, address)
                return
            except LocalFault as fault:
                self._listener.record_departure(target)
                self._listener.record_fault(target, fault.reason, fault.detail)
                continue
            self._listener.record_departure(target)
            try:
                self._launch(connection)
            except LocalFault as fault:
                self._listener.record_fault(target, fault.reason, fault.detail)
