"""Lets any number of readers share an answer of the fleet, which is asked again when somebody reads an old one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vimesh.runtime.task_crew import TaskCrew

T = TypeVar("T")


class FleetUnanswered(Exception):
    """The fleet did not answer. What it said before is kept."""


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    value: T
    time: float
    """When it was asked, by `clock`, in seconds."""


@dataclass(frozen=True, slots=True)
class CacheTimes:
    fresh_s: float
    """For how long an answer is given without asking again."""
    pause_s: float = 5.0
    """How long after a failure the fleet is asked again."""
    wait_s: float = 1.0
    """How long a reader waits for a newer answer while the last one is of use."""
    stale_s: float | None = None
    """From this age on an answer is of no use, and readers wait for the next as long as asking takes: a lone reader
    would never see one that takes longer than `wait_s`. None: readers can do without any answer."""


class CachedAnswer(Generic[T]):
    """One question. It is asked by one task at a time, however many readers wait for it."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[T]],
        times: CacheTimes,
        crew: TaskCrew,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask`: has a time limit of its own, and raises FleetUnanswered."""
        self._ask = ask
        self._times = times
        self._crew = crew
        self._clock = clock
        self._answered: Answered[T] | None = None
        self._not_before = clock()
        self._asking: asyncio.Event | None = None
        self._is_slow = False
        self._has_failed = False

    async def read(self) -> Answered[T] | None:
        """Return the newest answer; None if there never was one."""
        now = self._clock()
        if self._answered is not None and now - self._answered.time < self._times.fresh_s:
            return self._answered
        if self._asking is None and now >= self._not_before:
            self._asking = asyncio.Event()
            self._crew.start(self._renew(self._asking))
        if self._asking is None:
            return self._answered
        if self._needs_answer(now):
            await self._asking.wait()
        # Of a fleet that hangs, only the first readers wait.
        elif not self._is_slow:
            try:
                async with asyncio.timeout(self._times.wait_s):
                    await self._asking.wait()
            except TimeoutError:
                self._is_slow = True
        return self._answered

    def _needs_answer(self, now: float) -> bool:
        """Return whether there is no answer of use, nor will be after waiting. After a failure that is what is said."""
        if self._times.stale_s is None or self._has_failed:
            return False
        return self._answered is None or now + self._times.wait_s - self._answered.time >= self._times.stale_s

    async def _renew(self, asking: asyncio.Event) -> None:
        began = self._clock()
        self._not_before = began + self._times.pause_s
        try:
            self._answered = Answered(await self._ask(), began)
            self._not_before = began
            self._is_slow = False
            self._has_failed = False
        except FleetUnanswered:
            self._has_failed = True  # who asks has logged it
        finally:
            self._asking = None
            asking.set()
