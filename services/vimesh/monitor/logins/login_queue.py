"""Says which login is next: each at its time, and those of one cloud one after the other, some seconds apart."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from random import Random
from typing import Final

JITTER: Final = 0.1
"""By which share of its interval a login comes earlier or later."""
FIRST_PER_S: Final = 50.0
"""First logins to VIMs that are new: so many registrations at once are spread."""


@dataclass(slots=True, eq=False)
class _Cloud:
    waiting: deque[QueuedLogin] = field(default_factory=deque)
    is_busy: bool = False
    free_at: float = 0.0
    logins: int = 0
    """Of how many VIMs it is the cloud."""


@dataclass(slots=True, eq=False)
class QueuedLogin:
    key: Hashable
    cloud: str
    interval_s: float
    is_removed: bool = False


class LoginQueue:
    """Times are those of any clock that does not go back."""

    def __init__(self, *, gap_s: float, most_at_once: int, random: Random) -> None:
        """`gap_s`: time between the starts of two logins at one cloud. `most_at_once`: logins of all clouds."""
        self.gap_s = gap_s
        self._most_at_once = most_at_once
        self._random = random
        self._logins: dict[Hashable, QueuedLogin] = {}
        self._clouds: dict[str, _Cloud] = {}
        self._due: list[tuple[float, int, QueuedLogin]] = []
        self._ready: list[tuple[float, int, str]] = []
        """Clouds at which somebody waits, by when the next login may start there."""
        self._number = 0
        self._under_way = 0
        self._next_first = 0.0

    def __len__(self) -> int:
        return len(self._logins)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._logins

    def add(self, key: Hashable, cloud: str, interval_s: float, now: float, *, is_new: bool) -> None:
        """Add a VIM. `is_new`: it waits for its first login ever, so that is made at once.

        All others are spread over their interval: a monitor that ends and starts again and again must not log in to
        each VIM as often.
        """
        self.remove(key)
        login = self._logins[key] = QueuedLogin(key, cloud, interval_s)
        self._clouds.setdefault(cloud, _Cloud()).logins += 1
        if is_new:
            due = max(now, self._next_first)
            self._next_first = due + 1 / FIRST_PER_S
        else:
            due = now + self._random.random() * interval_s
        self._push(due, login)

    def remove(self, key: Hashable) -> None:
        """Remove a VIM. A login under way ends as if it had not been."""
        login = self._logins.pop(key, None)
        if login is None:
            return
        login.is_removed = True
        cloud = self._clouds[login.cloud]
        cloud.logins -= 1
        self._forget_idle(login.cloud, cloud)

    def take(self, now: float) -> list[QueuedLogin]:
        """Return the logins to start now. Call `release` when a cloud may have the next, `finish` when one is over."""
        while self._due and self._due[0][0] <= now:
            _, _, login = heapq.heappop(self._due)
            if login.is_removed:
                continue
            cloud = self._clouds[login.cloud]
            cloud.waiting.append(login)
            if len(cloud.waiting) == 1 and not cloud.is_busy:
                self._make_ready(login.cloud, cloud)
        return self._start_ready(now)

    def _start_ready(self, now: float) -> list[QueuedLogin]:
        started: list[QueuedLogin] = []
        while self._ready and self._ready[0][0] <= now and self._under_way < self._most_at_once:
            _, _, name = heapq.heappop(self._ready)
            ready = self._clouds.get(name)
            if ready is None or ready.is_busy or (first := self._next_of(ready)) is None:
                continue
            ready.is_busy = True
            ready.free_at = now + self.gap_s
            self._under_way += 1
            started.append(first)
        return started

    @staticmethod
    def _next_of(cloud: _Cloud) -> QueuedLogin | None:
        while cloud.waiting:
            if not (login := cloud.waiting.popleft()).is_removed:
                return login
        return None

    def release(self, login: QueuedLogin, *, untouched: bool = False) -> None:
        """Let the next VIM of the cloud log in. `untouched`: nothing was sent to it, so that nothing has to pass."""
        cloud = self._clouds.get(login.cloud)
        if cloud is None:
            return
        cloud.is_busy = False
        if untouched:
            cloud.free_at = 0.0
        if cloud.waiting:
            self._make_ready(login.cloud, cloud)
        self._forget_idle(login.cloud, cloud)

    def finish(self, login: QueuedLogin, now: float, pause_s: float | None = None) -> None:
        """Note that a login is over: its VIM has the next one after its interval, or after a shorter pause."""
        self._under_way -= 1
        if not login.is_removed:
            jitter = 1 + JITTER * (2 * self._random.random() - 1)
            wait_s = login.interval_s if pause_s is None else min(pause_s, login.interval_s)
            self._push(now + wait_s * jitter, login)

    def next_at(self) -> float | None:
        """Return when `take` may return something, if nothing happens before; None: only after something happened."""
        times = [self._due[0][0]] if self._due else []
        if self._ready and self._under_way < self._most_at_once:
            times.append(self._ready[0][0])
        return min(times, default=None)

    def _push(self, due: float, login: QueuedLogin) -> None:
        self._number += 1
        heapq.heappush(self._due, (due, self._number, login))

    def _make_ready(self, name: str, cloud: _Cloud) -> None:
        self._number += 1
        heapq.heappush(self._ready, (cloud.free_at, self._number, name))

    def _forget_idle(self, name: str, cloud: _Cloud) -> None:
        if not cloud.logins and not cloud.is_busy:
            self._clouds.pop(name, None)
