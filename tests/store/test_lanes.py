"""Who waits for a thread: how many, for how long, and in which order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from vimesh.domain.errors import Overloaded
from vimesh.store.lanes import Lane


@asynccontextmanager
async def lane(*, patience_s: float = 10, max_waiting: int = 10) -> AsyncGenerator[tuple[Lane, Callable[[], None]]]:
    """Open a lane whose only thread is taken until the second value is called."""
    opened = Lane(1, patience_s=patience_s, max_waiting=max_waiting)
    go_on = threading.Event()
    holder = asyncio.create_task(opened.run(lambda: go_on.wait(20)))
    await asyncio.sleep(0)
    try:
        yield opened, go_on.set
    finally:
        go_on.set()
        await holder
        await opened.close()


async def waiting(opened: Lane, call: Callable[[], None], *, urgent: bool = False) -> asyncio.Task[None]:
    task = asyncio.create_task(opened.run(call, urgent=urgent))
    await asyncio.sleep(0)
    return task


async def test_what_is_urgent_goes_first_and_the_others_in_order() -> None:
    order: list[str] = []
    async with lane() as (opened, go_on):
        calls = [
            await waiting(opened, lambda name=name: order.append(name), urgent=name.startswith("urgent"))  # type: ignore[misc]  # mypy knows no defaults of lambdas
            for name in ("first", "second", "urgent first", "third", "urgent second")
        ]
        go_on()
        await asyncio.gather(*calls)

    assert order == ["urgent first", "urgent second", "first", "second", "third"]


async def test_one_too_many_is_refused_at_once_unless_it_is_urgent() -> None:
    async with lane(max_waiting=2) as (opened, go_on):
        calls = [await waiting(opened, lambda: None) for _ in range(2)]
        with pytest.raises(Overloaded):
            await opened.run(lambda: None)
        calls.append(await waiting(opened, lambda: None, urgent=True))
        calls[0].cancel()
        await asyncio.wait([calls[0]])
        # Whoever gave up makes room.
        calls.append(await waiting(opened, lambda: None))
        go_on()

        assert await asyncio.gather(*calls[1:]) == [None] * 3


async def test_a_wait_that_is_too_long_is_overload() -> None:
    async with lane(patience_s=0.05) as (opened, go_on):
        with pytest.raises(Overloaded):
            await opened.run(lambda: None)
        go_on()

        async with asyncio.timeout(10):
            await opened.run(lambda: None)


@pytest.mark.parametrize("turns", range(4))
async def test_a_thread_that_was_given_to_somebody_who_gave_up_is_not_lost(turns: int) -> None:
    async with lane() as (opened, go_on):
        leaving = await waiting(opened, lambda: None)
        staying = await waiting(opened, lambda: None)
        go_on()
        for _ in range(turns):
            await asyncio.sleep(0)
        opened._pass_on()  # as if the thread came free right now
        leaving.cancel()

        async with asyncio.timeout(10):
            await staying
