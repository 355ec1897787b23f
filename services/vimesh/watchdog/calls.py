"""The calls that a process serves: which one was begun last."""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator
from contextlib import contextmanager

from vimesh.watchdog.work_record import WorkRecord, private_record


class Calls:
    """While the loop is held, no other call begins: so it is mostly the newest one under way that holds it."""

    def __init__(self, record: WorkRecord | None = None) -> None:
        self._record = record or private_record()
        self._numbers = itertools.count()
        self._open: dict[int, str] = {}
        self.newest = ""
        """The method of the call that was begun last, whether it has ended or not."""

    @contextmanager
    def under_way(self, method: str) -> Generator[None]:
        """Let a call be under way while the block runs."""
        number = self.begin(method)
        try:
            yield
        finally:
            self.end(number)

    def begin(self, method: str) -> int:
        """Note a call; its number has to be given to `end`."""
        number = next(self._numbers)
        self._open[number] = self.newest = method
        self._record.begin(time.monotonic(), method.encode())
        return number

    def end(self, number: int) -> None:
        """Note that the call has ended, if it has not yet."""
        if self._open.pop(number, None) is None:
            return
        if not self._open:
            self._record.clear()
        elif next(reversed(self._open)) < number:
            self._record.begin(time.monotonic(), self._open[next(reversed(self._open))].encode())
