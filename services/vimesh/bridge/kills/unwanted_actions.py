"""Follows which EXTERNAL actions are no longer wanted, and has them ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from vimesh.bridge.kills.watermark import Watermark, WatermarkStep
from vimesh.runtime.task_crew import TaskCrew
from vimesh.v1 import conductor_service_pb2, vim_pb2

_log = structlog.get_logger()

End = Callable[[str, str], Coroutine[object, object, object]]
"""Ends the action (vim_id, action_id). Returns when that is done, however long it takes."""


_PENDING = 10_000
"""How many actions may be ended at the same time. With more, the watch is not read any further."""
_MOST_EARLY = 100_000
"""How many VIMs with reports from before the changes were followed to remember."""


class UnwantedActions:
    """A Follower that ends each action the conductors list as unwanted."""

    def __init__(self, end: End, watermark: Watermark, crew: TaskCrew) -> None:
        self._end = end
        self._watermark = watermark
        self._crew = crew
        self._slots = asyncio.Semaphore(_PENDING)
        self._revision = watermark.revision
        """Everything up to this revision has been seen; 0: start with the list."""
        self._is_logged = False
        self._early: set[str] = set()
        """VIMs whose actions are checked once the list is complete."""

    @property
    def is_following(self) -> bool:
        """Whether the watch will report every action that becomes unwanted from now on."""
        return self._revision > 0

    def check_again(self, vim_id: str) -> None:
        """End an action that knows only its VIM if it is unwanted, as soon as the changes are followed.

        An action that became unwanted before that is neither in the list nor among the changes. With nothing new to
        report, it would never learn of it.
        """
        if self.is_following:
            self._crew.start(self._end(vim_id, vim_id))
        elif len(self._early) < _MOST_EARLY:
            self._early.add(vim_id)

    def request(self) -> conductor_service_pb2.WatchActionsRequest:
        return conductor_service_pb2.WatchActionsRequest(
            engine=vim_pb2.Monitor.EXTERNAL,
            start_revision=self._revision + 1 if self._revision else 0,
            log_id=self._watermark.log_id,
        )

    def note_gap(self, why: str) -> None:
        # Actions that became unwanted in the gap are killed at their next report.
        _log.warning("changes were missed: listing again", why=why)
        self._revision = 0
        self._watermark.restart()

    async def apply_response(self, response: conductor_service_pb2.WatchActionsResponse) -> None:
        if response.revision and not self._is_logged:
            self._is_logged = True
            _log.info("actions are followed", revision=response.revision)
        unwanted = [(each.vim_id, each.action_id) for each in response.unwanted]
        self._revision = response.revision or self._revision
        self._watermark.log_id = response.log_id or self._watermark.log_id
        if self.is_following:
            unwanted += [(vim_id, vim_id) for vim_id in self._early]
            self._early.clear()
        step = self._watermark.add_step(response.revision, len(unwanted))
        for vim_id, action_id in unwanted:
            await self._slots.acquire()
            self._crew.start(self._end_one(step, vim_id, action_id))

    async def _end_one(self, step: WatermarkStep, vim_id: str, action_id: str) -> None:
        try:
            await self._end(vim_id, action_id)
            self._watermark.finish_item(step)
        finally:
            self._slots.release()
