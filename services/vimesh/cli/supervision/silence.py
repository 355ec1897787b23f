"""Detects that a child process no longer answers, in the way systemd does for its services.

The process sends datagrams as in sd_notify(3). An interpreter that is blocked, for example in a regular expression,
runs no other thread that could notice it, so another process has to watch.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from vimesh.domain.ids import is_id
from vimesh.monitor.scheduling.stall_clock import Clock, StallClock
from vimesh.watchdog.supervisor_link import PERIOD_VARIABLE, SOCKET_VARIABLE
from vimesh.watchdog.work_record import PATH_VARIABLE, read_work

LIMIT_S = 10.0
"""A process that sends nothing for this long counts as hung."""
START_LIMIT_S = 90.0
"""The limit until the process is ready, because a step of its start may block its loop: systemd's default, too."""
TICK_S = 0.25
_CREDENTIALS = struct.Struct("3i")
"""Process, user and group id of the sender, filled in by the kernel."""
_MESSAGE_BYTES = 4096


class Mailbox:
    """Receives the datagrams of one process. Any process can write to the socket; all but that one are ignored."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        # An abstract name leaves no file behind, and is independent of the length of folder names.
        self._name = f"vimesh-{secrets.token_hex(16)}"
        self._socket.bind(f"\0{self._name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    @property
    def address(self) -> str:
        return f"@{self._name}"

    def take(self, pid: int) -> Iterator[str]:
        """Yield the messages that the process has sent since the last call."""
        while True:
            try:
                content, ancillary, _, _ = self._socket.recvmsg(_MESSAGE_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size))
            except BlockingIOError:
                return
            if any(_sender(data) == pid for level, kind, data in ancillary if kind == socket.SCM_CREDENTIALS):
                yield from content.decode(errors="replace").split("\n")


def _sender(credentials: bytes) -> int:
    return int(_CREDENTIALS.unpack(credentials)[0])


class Silence:
    """Measures how long one process has been silent. The limit is longer until the process has sent READY=1.

    Time in which this process did not run either, such as while the machine slept, does not count.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        work_record: Path,
        *,
        limit_s: float = LIMIT_S,
        start_limit_s: float = START_LIMIT_S,
        clock: Clock = time.monotonic,
    ) -> None:
        self._mailbox = mailbox
        self._work_record = work_record
        self._limit_s = limit_s
        self._start_limit_s = start_limit_s
        self._running = StallClock(clock)

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables for the environment of the process."""
        return {
            SOCKET_VARIABLE: self._mailbox.address,
            PERIOD_VARIABLE: str(int(self._limit_s * 1e6)),
            PATH_VARIABLE: str(self._work_record),
        }

    async def lasts_too_long(self, pid: int) -> float:
        """Return the length of the silence in seconds, as soon as it exceeds the limit."""
        ready, heard_at = False, self._running.now()
        while True:
            # Read the clock first: messages that arrived while this process did not run count as received now.
            now = self._running.now()
            for message in self._mailbox.take(pid):
                ready = ready or message == "READY=1"
                heard_at = now
            if now - heard_at > (self._limit_s if ready else self._start_limit_s):
                return now - heard_at
            self._running.expect_reading(now + TICK_S)
            await asyncio.sleep(TICK_S)

    def work(self) -> str:
        """Return a clause that names the current work of the process; empty if it has recorded none."""
        work = read_work(self._work_record)
        if work is None:
            return ""
        return f" while working on {'VIM ' if is_id(work.text) else ''}{work.text}"
