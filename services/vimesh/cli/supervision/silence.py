"""Whether a process that was started here still answers, as systemd asks it of its services.

It tells so by datagrams: see sd_notify(3). An interpreter that is held, such as by a regular expression, runs no other
thread of its own that could notice: so it has to be another process that waits.
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
from vimesh.watchdog.notifier import PERIOD_VARIABLE, SOCKET_VARIABLE
from vimesh.watchdog.work_record import PATH_VARIABLE, read_work

LIMIT_S = 10.0
"""A process that says nothing for this long does not answer."""
START_LIMIT_S = 90.0
"""So long may it say nothing before it is ready, when a step of its start may hold its loop: as systemd's default."""
TICK_S = 0.25
_CREDENTIALS = struct.Struct("3i")
"""Process, user, group: as the kernel knows them."""
_MESSAGE_BYTES = 4096


class Mailbox:
    """Where one process says how it is. Everybody on the machine can write to it, but only its owner is heard."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        # Abstract: no file is left behind, and no folder is too deep for its name.
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
        """Yield the messages of the process that have come since the last time."""
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
    """Waits for the silence of one process, for which it has more time until it has said that it is ready.

    Time in which this process did not run either, such as while the machine slept, is no silence.
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
        """What the process has to be told."""
        return {
            SOCKET_VARIABLE: self._mailbox.address,
            PERIOD_VARIABLE: str(int(self._limit_s * 1e6)),
            PATH_VARIABLE: str(self._work_record),
        }

    async def lasts_too_long(self, pid: int) -> float:
        """Return how many seconds it lasts, as soon as that is too long."""
        ready, heard_at = False, self._running.now()
        while True:
            # First the clock: what comes while this process does not run counts for the whole of that time.
            now = self._running.now()
            for message in self._mailbox.take(pid):
                ready = ready or message == "READY=1"
                heard_at = now
            if now - heard_at > (self._limit_s if ready else self._start_limit_s):
                return now - heard_at
            self._running.expect_reading(now + TICK_S)
            await asyncio.sleep(TICK_S)

    def work(self) -> str:
        """Say in half a sentence what the process works on, as far as it has written that down."""
        work = read_work(self._work_record)
        if work is None:
            return ""
        return f" while it worked on {'VIM ' if is_id(work.text) else ''}{work.text}"
