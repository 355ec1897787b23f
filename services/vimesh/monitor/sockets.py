"""Probes over TCP: one epoll object for all sockets, and a bound on how many there are."""

from __future__ import annotations

import resource
import select
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from vimesh.monitor.addresses import Address
from vimesh.monitor.connection import Connection
from vimesh.monitor.faults import defect, local_fault
from vimesh.monitor.http import HttpConnection
from vimesh.monitor.kept import Kept
from vimesh.monitor.probes import Listener, LocalFault
from vimesh.monitor.target import Target

_log = structlog.get_logger()

_FILES_FOR_OTHERS = 256
_MOST_SOCKETS = 32768
_BATCH = 512

Connect = Callable[[Target, int, Address], Connection]


def socket_limit() -> int:
    """How many sockets may be open for probes, given what the process may open in all."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(_MOST_SOCKETS, files - _FILES_FOR_OTHERS))


class Sockets:
    """The prober for TCP and HTTP. Above the limit, probes stand in line; that time is not the VIM's.

    What is bad news on a connection that stood before is no news: the probe is repeated on a new one, which decides.
    """

    def __init__(self, *, connect: Connect, listener: Listener, limit: int, kept: Kept) -> None:
        self._connect = connect
        self._listener = listener
        self._limit = limit
        self._kept = kept
        self._epoll = select.epoll()
        self._by_fd: dict[int, Connection] = {}
        """Every socket."""
        self._by_serial: dict[int, list[Connection]] = {}
        """The probes under way, by round."""
        self._doubted: list[Connection] = []
        """Probes that are to be repeated."""
        self._line: deque[tuple[int, Address]] = deque()
        self._waiting: dict[int, Target] = {}
        self._logged: set[type[Exception]] = set()

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

    def send(self, target: Target, number: int, address: Address) -> bool:
        kept = self._kept.take(target)
        if kept is not None and self._ask_again(kept, number, address):
            return True
        if number > 1:
            self._move_from_others(target, address)
        if not self._has_room():
            self._waiting[target.serial] = target
            self._line.append((target.serial, address))
            return False
        self._open(target, number, address)
        return True

    def hang_up(self, target: Target) -> None:
        for connection in self._by_serial.pop(target.serial, ()):
            self._release(connection)
        self._admit()

    def forget(self, target: Target) -> None:
        # Who stands in line is admitted by the next drain: a probe is never sent from within an answer, and a number
        # that was closed here is not taken again while events of its former owner may be at hand.
        self._waiting.pop(target.serial, None)
        for connection in self._by_serial.pop(target.serial, ()):
            self._release(connection)

    def dismiss(self, target: Target) -> None:
        connection = self._kept.forget(target)
        if connection is not None:
            self._release(connection)

    def drain(self) -> None:
        """Move every connection on that can move."""
        while True:
            events = self._epoll.poll(0, _BATCH)
            for fd, _ in events:
                connection = self._by_fd.get(fd)
                if connection is None:
                    continue
                if connection.outcome is None:
                    self._advance(connection)
                else:
                    self._rest(connection)
            # Only now: a number that was closed above must not be taken again while events of its former owner are
            # at hand.
            self._repeat_doubted()
            self._admit()
            if len(events) < _BATCH:
                break
        for overdue in self._kept.take_overdue():
            self._release(overdue)

    def _ask_again(self, kept: HttpConnection, number: int, address: Address) -> bool:
        """Send a probe on a connection that was kept, unless it would have the last word of the round."""
        target = kept.target
        if kept.idle and number == 1 and target.track.has_more and kept.address == address and kept.ask_again(number):
            self._by_serial[target.serial] = [kept]
            return True
        self._release(kept)
        return False

    def _move_from_others(self, target: Target, address: Address) -> None:
        """Repeat a probe that is silent on a kept connection, if no other one of its round goes to its address."""
        for connection in tuple(self._by_serial.get(target.serial, ())):
            if connection.reused and connection.address != address:
                self._repeat(connection)

    def _repeat_doubted(self) -> None:
        while self._doubted:
            connection = self._doubted.pop()
            if self._by_fd.get(connection.fd) is not connection:
                continue  # its round is over
            try:
                self._repeat(connection)
            except LocalFault as fault:
                self._listener.faulted(connection.target, fault.reason, fault.detail)

    def _repeat(self, connection: Connection) -> None:
        self._drop(connection)
        self._open(connection.target, connection.number, connection.address, since=connection.sent_at)

    def _open(self, target: Target, number: int, address: Address, *, since: float | None = None) -> None:
        try:
            connection = self._connect(target, number, address)
        except Exception as error:
            raise self._fault(target, error) from error
        self._by_fd[connection.fd] = connection
        self._by_serial.setdefault(target.serial, []).append(connection)
        try:
            connection.start(since)
            if connection.outcome is None:
                self._epoll.register(connection.fd, connection.interest)
        except Exception as error:
            self._drop(connection)
            raise self._fault(target, error) from error
        if connection.outcome is not None:
            self._finish(connection)

    def _rest(self, connection: Connection) -> None:
        """Hear what comes on a connection that is kept."""
        if not isinstance(connection, HttpConnection):
            return
        try:
            of_use = connection.rest()
        except Exception as error:  # noqa: BLE001 - one broken connection must not end the probes of others
            self._fault(connection.target, error)
            of_use = False
        if of_use:
            self._kept.settle(connection)
        else:
            self._kept.ended(connection)
            self._release(connection)

    def _advance(self, connection: Connection) -> None:
        interest = connection.interest
        try:
            connection.advance()
            if connection.outcome is None and connection.interest != interest:
                self._epoll.modify(connection.fd, connection.interest)
        except Exception as error:  # noqa: BLE001 - one broken probe must not end those of the others
            self._drop(connection)
            fault = self._fault(connection.target, error)
            self._listener.faulted(connection.target, fault.reason, fault.detail)
            return
        if connection.outcome is not None:
            self._finish(connection)

    def _fault(self, target: Target, error: Exception) -> LocalFault:
        """Say as a fault of our own whatever was raised here: what the VIM does wrong is an outcome, and not raised."""
        if isinstance(error, LocalFault):
            return error
        if isinstance(error, OSError):
            return local_fault(error.errno or 0)
        # The same defect will meet every VIM, each at every round: once is enough to have it repaired.
        if type(error) not in self._logged:
            self._logged.add(type(error))
            _log.error("a probe broke", vim_id=target.vim_id, exc_info=error)
        return defect(error)

    def _finish(self, connection: Connection) -> None:
        target, outcome = connection.target, connection.outcome
        if isinstance(outcome, float):
            self._leave_round(connection)
            # Before its round ends, and with it all that belongs to the round alone.
            if isinstance(connection, HttpConnection) and connection.may_rest and self._kept.keep(connection):
                self._listen_only(connection)
            else:
                self._release(connection)
            self._listener.answered(target, connection.number, outcome)
        elif connection.reused:
            self._doubted.append(connection)
        elif outcome is not None:
            self._drop(connection)
            self._listener.failed(target, *outcome)

    def _listen_only(self, connection: Connection) -> None:
        """See that a connection is heard of when something comes, and not whenever it could be written to."""
        if connection.interest != select.EPOLLIN:
            connection.interest = select.EPOLLIN
            self._epoll.modify(connection.fd, select.EPOLLIN)

    def _drop(self, connection: Connection) -> None:
        self._leave_round(connection)
        self._release(connection)

    def _leave_round(self, connection: Connection) -> None:
        serial = connection.target.serial
        siblings = self._by_serial.pop(serial, ())
        if len(siblings) > 1:
            self._by_serial[serial] = [other for other in siblings if other is not connection]

    def _release(self, connection: Connection) -> None:
        del self._by_fd[connection.fd]
        connection.close()

    def _has_room(self) -> bool:
        """Say whether one more socket may be opened; one that only stands in reserve makes room."""
        if len(self._by_fd) < self._limit:
            return True
        oldest = self._kept.take_oldest()
        if oldest is None:
            return False
        self._release(oldest)
        return True

    def _admit(self) -> None:
        while self._line and self._has_room():
            serial, address = self._line.popleft()
            target = self._waiting.pop(serial, None)
            if target is None:
                continue
            number = self._listener.departs(target)
            try:
                self._open(target, number, address)
            except LocalFault as fault:
                self._listener.faulted(target, fault.reason, fault.detail)
