"""Limits how many names are looked up at once, and decides which come first."""

from __future__ import annotations

import resource
from collections import deque
from collections.abc import Callable
from enum import Enum, auto

TICK_S = 0.05
MOST_AT_ONCE = 100
"""Lookups that may start in a tick."""
MOST_EXAMINED = 1000
"""Jobs that may be examined in a tick, which takes a millisecond."""
MOST_OPEN = 2000
"""Lookups that may be under way; each has two sockets."""
_FILES_PER_NAME = 16
"""With two sockets each, lookups take at most an eighth of the files that the process may open."""

CallLater = Callable[[float, Callable[[], None]], object]


class Turn(Enum):
    """What a job did with its turn."""

    BEGUN = auto()
    """It is under way; its owner calls `finish_job` when it is over."""
    PASSED = auto()
    """It gives way to urgent jobs and joins the others."""
    DROPPED = auto()
    """It is no longer needed."""


Job = Callable[[], Turn]


def names_at_once() -> int:
    """Return how many names may be looked up at once, given the process's limit on open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_FILES_PER_NAME, min(MOST_OPEN, files // _FILES_PER_NAME))


class LookupQueue:
    """Starts jobs as soon as there is room. Urgent jobs come first, and a quarter of the room is reserved for them."""

    def __init__(self, call_later: CallLater, most_open: int) -> None:
        self._call_later = call_later
        self._most_open = most_open
        self._most_others = most_open * 3 // 4
        self._urgent: deque[Job] = deque()
        self._others: deque[Job] = deque()
        self._started = self._examined = 0
        """Both count the current tick."""
        self._ticking = False
        self.open_jobs = 0

    def add(self, job: Job, *, urgent: bool) -> None:
        (self._urgent if urgent else self._others).append(job)
        self._run()

    def finish_job(self) -> None:
        """Free the room of a job that is over."""
        self.open_jobs -= 1
        self._run()

    def _run(self) -> None:
        while (queue := self._next()) is not None:
            self._examined += 1
            job = queue.popleft()
            match job():
                case Turn.BEGUN:
                    self.open_jobs += 1
                    self._started += 1
                case Turn.PASSED:
                    self._others.append(job)
        if self._examined and not self._ticking:
            self._ticking = True
            self._call_later(TICK_S, self._tick)

    def _next(self) -> deque[Job] | None:
        if self._started >= MOST_AT_ONCE or self._examined >= MOST_EXAMINED:
            return None
        if self._urgent and self.open_jobs < self._most_open:
            return self._urgent
        return self._others if self._others and self.open_jobs < self._most_others else None

    def _tick(self) -> None:
        self._ticking = False
        self._started = self._examined = 0
        self._run()
