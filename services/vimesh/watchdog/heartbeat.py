"""Sends the heartbeat of an event loop, and logs when the loop was blocked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import structlog

from vimesh.watchdog.supervisor_link import SupervisorLink

_log = structlog.get_logger()

Clock = Callable[[], float]

TICK_S = 0.25
LATE_S = 0.25
"""A loop that is blocked for longer than this may be logged; one that is blocked for twice as long always is."""
_BEATS_PER_LIMIT = 3


class Heartbeat:
    """Beats from a callback of the loop, so that whatever blocks the loop also stops the heartbeat."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        link: SupervisorLink,
        newest_work: Callable[[], str],
        *,
        clock: Clock = time.monotonic,
        cpu_clock: Clock = time.thread_time,
    ) -> None:
        """`newest_work` returns what was started last; `cpu_clock` counts the CPU seconds of the loop's thread."""
        self._loop = loop
        self._link = link
        self._newest_work = newest_work
        self._clock = clock
        self._cpu_clock = cpu_clock
        limit_s = link.supervisor.limit_s
        self._pause_s = None if limit_s is None else limit_s / _BEATS_PER_LIMIT
        self._tick_s = min(TICK_S, self._pause_s or TICK_S)
        self._notified_at = float("-inf")
        self._began_at = self._cpu_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Beat from now on. Call this in the loop's thread."""
        self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._began_at, self._cpu_s = self._clock(), self._cpu_clock()
        self._timer = self._loop.call_later(self._tick_s, self._beat)

    def _beat(self) -> None:
        now = self._clock()
        if self._pause_s is not None and now + self._tick_s / 2 - self._notified_at >= self._pause_s:
            self._notified_at = now
            self._link.notify_alive()
        passed_s = now - self._began_at
        late_s = passed_s - self._tick_s
        # Little CPU time means that the machine was suspended or busy with others: not our fault. A start may be slow.
        if late_s > LATE_S and self._link.ready and self._cpu_clock() - self._cpu_s >= passed_s / 2:
            _log.warning("the loop was held", for_s=round(late_s, 2), newest_work=self._newest_work())
        self._arm()


@contextmanager
def beating(link: SupervisorLink, newest_work: Callable[[], str]) -> Generator[None]:
    """Make the running loop beat while the block runs."""
    heartbeat = Heartbeat(asyncio.get_running_loop(), link, newest_work)
    heartbeat.start()
    try:
        yield
    finally:
        heartbeat.stop()
