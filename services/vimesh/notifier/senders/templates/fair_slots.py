"""Shares few slots among projects, so that none waits for all that another one wants."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class FairSlots:
    """A project has one slot at a time. Projects take turns; within one, who came first is first."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._busy: set[str] = set()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """By project; the first of them is the next one."""

    @asynccontextmanager
    async def slot(self, project_id: str) -> AsyncGenerator[None]:
        """Wait for a slot, and hold it. The caller limits the time that it is held."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(project_id, deque()).append(turn)
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given the slot just before
                self._give_back(project_id)
            raise
        try:
            yield
        finally:
            self._give_back(project_id)

    def _hand_out(self) -> None:
        for project_id in [one for one in self._waiting if one not in self._busy]:
            turns = self._waiting[project_id]
            while turns and turns[0].cancelled():
                turns.popleft()
            if not turns:
                del self._waiting[project_id]
            elif self._free:
                turns.popleft().set_result(None)
                self._busy.add(project_id)
                self._free -= 1

    def _give_back(self, project_id: str) -> None:
        self._busy.remove(project_id)
        self._free += 1
        if project_id in self._waiting:  # it waits behind all others now
            self._waiting[project_id] = self._waiting.pop(project_id)
        self._hand_out()
