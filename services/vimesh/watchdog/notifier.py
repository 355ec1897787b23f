"""The way in which systemd, or `vimesh up` in its stead, hears how a process is (see sd_notify(3))."""

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
"""Meant for one process: none of its children may inherit them."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who started this process, as far as it wants to hear from it."""

    address: str = ""
    """Of a datagram socket: a path, or `@` and an abstract name; empty: nobody listens."""
    limit_s: float | None = None
    """A process that says nothing for this long is ended; None: it is not watched."""


def take_supervisor(environment: MutableMapping[str, str]) -> Supervisor:
    """Read the supervisor from the environment, and remove it there so that children do not speak for this process."""
    address, period, pid = (environment.pop(name, "") for name in VARIABLES)
    if not address.startswith(("/", "@")):
        return Supervisor()
    meant_for_us = not pid or pid == str(os.getpid())
    watched = meant_for_us and period.isascii() and period.isdigit() and int(period) > 0
    return Supervisor(address, int(period) / 1e6 if watched else None)


class Notifier:
    """Tells a supervisor. Never waits for it: what it has no room for is left out, for another message follows.

    Nothing follows READY=1, without which the process would never be watched: it is said again if there was no room.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        address = supervisor.address
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._failure_logged = False
        self.ready = False
        """Whether the process has come to serve."""
        self._ready_sent = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def say_ready(self) -> None:
        """Say that the process serves from now on."""
        self.ready = True
        self._ready_sent = self._send("READY=1")

    def say_alive(self) -> None:
        if self.ready and not self._ready_sent:
            self.say_ready()
        self._send("WATCHDOG=1")

    def say_stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> bool:
        """Return False if the message has to be sent again because the supervisor had no room for it."""
        if not self._address:
            return True
        try:
            self._socket.sendto(message.encode(), self._address)
        except BlockingIOError:
            return False  # it has not read the last ones yet
        except OSError as error:
            if not self._failure_logged:
                self._failure_logged = True
                _log.warning("the supervisor cannot be told", message=message, why=error.strerror)
        return True
