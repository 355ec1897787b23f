"""Runs endless work alongside a block of code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def beside(*coroutines: Coroutine[object, object, object]) -> AsyncGenerator[None]:
    """Run the coroutines while the block runs, and cancel them when it ends.

    An exception of the block is raised unchanged; a coroutine that fails ends the block with an ExceptionGroup.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in coroutines]
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised again below: the TaskGroup would wrap it
            failure = error
        finally:
            for task in tasks:
                task.cancel()
    if failure is not None:
        raise failure
