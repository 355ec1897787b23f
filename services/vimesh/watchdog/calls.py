"""Tracks the calls that a process serves, and which one started last."""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator
from contextlib import contextmanager

from vimesh.watchdog.work_record import WorkRecord, private_record


class Calls:
    """The calls under way. While the loop is blocked no call starts, so mostly the newest one is what blocks it."""

    def __init__(self, record: WorkRecord | None = None) -> None:
        self._record = record or private_record()
        self._numbers = itertools.count()
        self._open: dict[int, str] = {}
        self.newest = ""
        """The method of the call that started last, whether or not it has ended."""

    @contextmanager
    def track(self, method: str) -> Generator[None]:
        """Keep a call under way while the block runs."""
        number = self.begin(method)
        try:
            yield
        finally:
            self.end(number)

    def begin(self, method: str) -> int:
        """Record the start of a call; return the number to pass to `end`."""
        number = next(self._numbers)
        self._open[number] = self.newest = method
        self._record.begin(time.monotonic(), method.encode())
        return number

    def end(self, number: int) -> None:
        """Record that the call has ended, unless that is already recorded."""
        if self._open.pop(number, None) is None:
            return
        if not self._open:
            self._record.clear()
        elif next(reversed(self._open)) < number:
            self._record.begin(time.monotonic(), self._open[next(reversed(self._open))].encode())
