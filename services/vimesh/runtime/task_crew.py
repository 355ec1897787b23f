"""Runs tasks that end by themselves, and at the latest with the block in which they were started."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager

import structlog

_log = structlog.get_logger()


class TaskCrew:
    """Any number of tasks. One that fails is logged, and does not disturb the others."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, object]) -> None:
        task = self._group.create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before it starts never awaits its coroutine: unless closed, Python warns of it.
        task.add_done_callback(lambda _: work.close())

    async def end(self, within_s: float) -> None:
        """Cancel the tasks, and wait up to `within_s` for their end, while the resources that they need are open."""
        self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


async def _guarded(work: Coroutine[object, object, object]) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001 - faults of a task stop here
        _log.exception("defect")


@asynccontextmanager
async def crew() -> AsyncGenerator[TaskCrew]:
    """Yield a crew whose tasks are cancelled when the block ends."""
    async with asyncio.TaskGroup() as group:
        task_crew = TaskCrew(group)
        try:
            yield task_crew
        finally:
            task_crew.cancel()
