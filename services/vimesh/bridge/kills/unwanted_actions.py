"""Follows which EXTERNAL actions are not wanted any more."""

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
"""Actions to be ended at the same time. While there are more, nothing is read."""
_MOST_EARLY = 100_000
"""Actions that reported before the changes were followed."""


class UnwantedActions:
    """Has each action ended that the conductors call unwanted: a Follower."""

    def __init__(self, end: End, progress: Watermark, crew: TaskCrew) -> None:
        self._end = end
        self._progress = progress
        self._crew = crew
        self._slots = asyncio.Semaphore(_PENDING)
        self._revision = progress.done
        """Everything up to it was seen; 0: begin with the list."""
        self._told = False
        self._early: set[str] = set()
        """VIMs whose actions are looked at when the list is complete."""

    @property
    def followed(self) -> bool:
        """Whether all that becomes unwanted is heard of, now or later."""
        return self._revision > 0

    def look_again(self, vim_id: str) -> None:
        """Have an action that knows only its VIM ended if it is not wanted, as soon as the changes are followed.

        An action that became unwanted before that is neither in the list nor among the changes. If it has nothing new
        to report, nobody would ever tell it.
        """
        if self.followed:
            self._crew.start(self._end(vim_id, vim_id))
        elif len(self._early) < _MOST_EARLY:
            self._early.add(vim_id)

    def request(self) -> conductor_service_pb2.WatchActionsRequest:
        return conductor_service_pb2.WatchActionsRequest(
            engine=vim_pb2.Monitor.EXTERNAL, start_revision=self._revision + 1 if self._revision else 0
        )

    def missed(self, why: str) -> None:
        # What became unwanted meanwhile is killed when it reports.
        _log.warning("changes were missed: listing again", why=why)
        self._revision = 0
        self._progress.restart()

    async def take_in(self, response: conductor_service_pb2.WatchActionsResponse) -> None:
        if response.revision and not self._told:
            self._told = True
            _log.info("actions are followed", revision=response.revision)
        unwanted = [(each.vim_id, each.action_id) for each in response.unwanted]
        self._revision = response.revision or self._revision
        if self.followed:
            unwanted += [(vim_id, vim_id) for vim_id in self._early]
            self._early.clear()
        step = self._progress.seen(response.revision, len(unwanted))
        for vim_id, action_id in unwanted:
            await self._slots.acquire()
            self._crew.start(self._end_one(step, vim_id, action_id))

    async def _end_one(self, step: WatermarkStep, vim_id: str, action_id: str) -> None:
        try:
            await self._end(vim_id, action_id)
            self._progress.worked(step)
        finally:
            self._slots.release()
