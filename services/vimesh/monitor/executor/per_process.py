"""Keeps one object per process, in processes that fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class ForkedAfterUse(Exception):
    """The parent has used the object. Neither its threads nor gRPC survive a fork; calling gRPC would abort it."""

    def __init__(self) -> None:
        super().__init__("this process was forked from one that ran ping actions; restart the executor")


class PerProcess(Generic[T]):
    """Creates an object on first use, so that processes forked before that have one each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instance: tuple[int, T] | None = None

    def get(self, create: Callable[[], T], is_usable: Callable[[T], bool]) -> T:
        """Return this process's object; a new one if the old one is no longer usable. Raises ForkedAfterUse."""
        # Checked before the lock, which a thread of the parent may have held during the fork.
        if self._instance is not None and self._instance[0] != os.getpid():
            raise ForkedAfterUse
        with self._lock:
            if self._instance is None or not is_usable(self._instance[1]):
                self._instance = (os.getpid(), create())
            return self._instance[1]
