"""Wakes watchers a few at a time, because each of them then sends a message."""

from __future__ import annotations

import asyncio
from typing import Final, Never

_AT_ONCE: Final = 16
_PAUSE_S: Final = 0.004
"""Up to 4,000 messages a second, about a third of a core. More watchers are woken later, with more changes each."""

_Turn = asyncio.Future[None]


class FanOut:
    """Wakes the streams of reporters before those of people, however many people are waiting."""

    def __init__(self) -> None:
        self._waiting: tuple[dict[_Turn, None], dict[_Turn, None]] = ({}, {})
        """Reporters' and people's streams that are up to date."""
        self._due: tuple[dict[_Turn, None], dict[_Turn, None]] = ({}, {})
        """Reporters' and people's streams to wake because there are changes."""
        self._some_due = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Number of streams that have not been woken yet."""
        return sum(map(len, (*self._waiting, *self._due)))

    async def turn(self, *, reporter: bool) -> None:
        """Return some time after the next `wake`."""
        line = 0 if reporter else 1
        turn: _Turn = asyncio.get_running_loop().create_future()
        self._waiting[line][turn] = None
        try:
            await turn
        finally:
            self._waiting[line].pop(turn, None)
            self._due[line].pop(turn, None)

    def wake(self) -> None:
        """Mark all waiting streams to be woken."""
        for waiting, due in zip(self._waiting, self._due, strict=True):
            due.update(waiting)
            waiting.clear()
        self._some_due.set()

    async def run(self) -> Never:
        """Wake the marked streams, a few at a time. Runs until cancelled."""
        while True:
            await self._some_due.wait()
            self._wake_some()
            if not any(self._due):
                self._some_due.clear()
            await asyncio.sleep(_PAUSE_S)

    def _wake_some(self) -> None:
        left = _AT_ONCE
        for due in self._due:
            while due and left:
                turn = next(iter(due))
                del due[turn]
                if not turn.done():
                    turn.set_result(None)
                    left -= 1
