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
from vimesh.monitor.probes import Listener, LocalFault
from vimesh.monitor.target import Target

_log = structlog.get_logger()

_FILES_FOR_OTHERS = 256
_MOST_SOCKETS = 8192
_BATCH = 512

Connect = Callable[[Target, int, Address], Connection]


def socket_limit() -> int:
    """How many sockets probes may hold open, given what the process may open in all."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(_MOST_SOCKETS, files - _FILES_FOR_OTHERS))


class Sockets:
    """The prober for TCP and HTTP. Above the limit, probes stand in line; that time is not the VIM's."""

    def __init__(self, *, connect: Connect, listener: Listener, limit: int) -> None:
        self._connect = connect
        self._listener = listener
        self._limit = limit
        self._epoll = select.epoll()
        self._by_fd: dict[int, Connection] = {}
        self._by_serial: dict[int, list[Connection]] = {}
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
        if len(self._by_fd) >= self._limit:
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

    def drain(self) -> None:
        """Move every connection on that can move."""
        while True:
            events = self._epoll.poll(0, _BATCH)
            for fd, _ in events:
                connection = self._by_fd.get(fd)
                if connection is not None:
                    self._advance(connection)
            self._admit()
            if len(events) < _BATCH:
                return

    def _open(self, target: Target, number: int, address: Address) -> None:
        try:
            connection = self._connect(target, number, address)
        except Exception as error:
            raise self._fault(target, error) from error
        self._by_fd[connection.fd] = connection
        self._by_serial.setdefault(target.serial, []).append(connection)
        try:
            connection.start()
            if connection.outcome is None:
                self._epoll.register(connection.fd, connection.interest)
        except Exception as error:
            self._drop(connection)
            raise self._fault(target, error) from error
        if connection.outcome is not None:
            self._finish(connection)

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
        self._drop(connection)
        target, outcome = connection.target, connection.outcome
        if isinstance(outcome, float):
            self._listener.answered(target, connection.number, outcome)
        elif outcome is not None:
            self._listener.failed(target, *outcome)

    def _drop(self, connection: Connection) -> None:
        siblings = self._by_serial.get(connection.target.serial, [])
        if connection in siblings:
            siblings.remove(connection)
        if not siblings:
            self._by_serial.pop(connection.target.serial, None)
        self._release(connection)

    def _release(self, connection: Connection) -> None:
        del self._by_fd[connection.fd]
        connection.close()

    def _admit(self) -> None:
        while self._line and len(self._by_fd) < self._limit:
            serial, address = self._line.popleft()
            target = self._waiting.pop(serial, None)
            if target is None:
                continue
            number = self._listener.departs(target)
            try:
                self._open(target, number, address)
            except LocalFault as fault:
                self._listener.faulted(target, fault.reason, fault.detail)
