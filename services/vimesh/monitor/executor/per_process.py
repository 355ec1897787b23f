"""One of something for a process that forks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class ForkedAfterUse(Exception):
    """The parent used it already. Neither its threads nor gRPC live on in a fork; calling gRPC would abort it."""

    def __init__(self) -> None:
        super().__init__("this process was forked from one that ran ping actions; start the executor anew")


class PerProcess(Generic[T]):
    """Makes a thing when it is first asked for, so that processes forked before that have one each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[int, T] | None = None

    def get(self, make: Callable[[], T], usable: Callable[[T], bool]) -> T:
        """Return what this process has; a new one if that is not usable any more. Raises ForkedAfterUse."""
        # Asked before the lock, which a thread that was not forked may have held.
        if self._made is not None and self._made[0] != os.getpid():
            raise ForkedAfterUse
        with self._lock:
            if self._made is None or not usable(self._made[1]):
                self._made = (os.getpid(), make())
            return self._made[1]
