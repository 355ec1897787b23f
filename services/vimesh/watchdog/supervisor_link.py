"""Notifies systemd, or `vimesh up` in its place, of the state of a process (see sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

_log = structlog.get_logger()

SOCKET_VARIABLE = "NOTIFY_SOCKET"
PERIOD_VARIABLE = "WATCHDOG_USEC"
PID_VARIABLE = "WATCHDOG_PID"
VARIABLES = (SOCKET_VARIABLE, PERIOD_VARIABLE, PID_VARIABLE)
"""Meant for one process: its children must not inherit them."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Where and how often the process that started this one expects messages."""

    address: str = ""
    """Address of a datagram socket: a path, or `@` and an abstract name; empty: there is none."""
    limit_s: float | None = None
    """A process that sends nothing for this long is ended; None: it is not watched."""


def pop_supervisor(environment: MutableMapping[str, str]) -> Supervisor:
    """Read the supervisor from the environment, and remove it there: children must not send for this process."""
    address, period, pid = (environment.pop(name, "") for name in VARIABLES)
    if not address.startswith(("/", "@")):
        return Supervisor()
    meant_for_us = not pid or pid == str(os.getpid())
    watched = meant_for_us and period.isascii() and period.isdigit() and int(period) > 0
    return Supervisor(address, int(period) / 1e6 if watched else None)


class SupervisorLink:
    """Sends messages to a supervisor. Never waits: a message that finds no room is dropped, since another one follows.

    READY=1 is different: it has no successor, and without it the process would never be watched. So it is repeated.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        address = supervisor.address
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._failure_logged = False
        self.ready = False
        """Whether the process serves."""
        self._ready_sent = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def notify_ready(self) -> None:
        """Announce that the process serves from now on."""
        self.ready = True
        self._ready_sent = self._send("READY=1")

    def notify_alive(self) -> None:
        if self.ready and not self._ready_sent:
            self.notify_ready()
        self._send("WATCHDOG=1")

    def notify_stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> bool:
        """Send a message; return False if the supervisor had no room for it, so that it may be sent again."""
        if not self._address:
            return True
        try:
            self._socket.sendto(message.encode(), self._address)
        except BlockingIOError:
            return False  # the supervisor has not read the previous messages yet
        except OSError as error:
            if not self._failure_logged:
                self._failure_logged = True
                _log.warning("the supervisor cannot be told", message=message, why=error.strerror)
        return True
