"""Follows which EXTERNAL actions are not wanted any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from vimesh.bridge.crew import Crew
from vimesh.bridge.progress import Progress, Step
from vimesh.v1 import conductor_service_pb2, vim_pb2

_log = structlog.get_logger()

End = Callable[[str, str], Awaitable[object]]
"""Ends the action (vim_id, action_id). Returns when that is done, however long it takes."""


_PENDING = 10_000
"""Actions to be ended at the same time. While there are more, nothing is read."""


class Watch:
    """Has each action ended that the conductors call unwanted: a Follower."""

    def __init__(self, end: End, progress: Progress, crew: Crew) -> None:
        self._end = end
        self._progress = progress
        self._crew = crew
        self._slots = asyncio.Semaphore(_PENDING)
        self._revision = progress.done
        """Everything up to it was seen; 0: begin with the list."""
        self._followed = False

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
        if response.revision and not self._followed:
            self._followed = True
            _log.info("actions are followed", revision=response.revision)
        step = self._progress.seen(response.revision, len(response.unwanted))
        for unwanted in response.unwanted:
            await self._slots.acquire()
            self._crew.start(self._end_one(step, unwanted.vim_id, unwanted.action_id))
        self._revision = response.revision or self._revision

    async def _end_one(self, step: Step, vim_id: str, action_id: str) -> None:
        try:
            await self._end(vim_id, action_id)
            self._progress.worked(step)
        finally:
            self._slots.release()
