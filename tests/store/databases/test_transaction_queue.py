"""Who waits for a place: how many, for how long, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from vimesh.domain.errors import Overloaded
from vimesh.domain.fleet.store_statistics import QueueStatistics
from vimesh.store.databases.transaction_queue import TransactionQueue


@asynccontextmanager
async def lane(
    *, patience_s: float = 10, max_waiting: int = 10
) -> AsyncGenerator[tuple[TransactionQueue, Callable[[], None]]]:
    """Open a lane whose only place is taken until the second value is called."""
    opened = TransactionQueue(1, patience_s=patience_s, max_waiting=max_waiting, statistics=QueueStatistics())
    go_on = asyncio.get_running_loop().create_future()
    holder = asyncio.create_task(opened.run(lambda: go_on))
    await asyncio.sleep(0)
    try:
        yield opened, partial(_finish, go_on)
    finally:
        _finish(go_on)
        await holder
        await opened.close()


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def begin(call: Callable[[], object] = bool) -> asyncio.Future[None]:
    """Do what is over at once."""
    future = asyncio.get_running_loop().create_future()
    call()
    future.set_result(None)
    return future


async def waiting(
    opened: TransactionQueue, call: Callable[[], object] = bool, *, urgent: bool = False
) -> asyncio.Task[None]:
    task = asyncio.create_task(opened.run(lambda: begin(call), urgent=urgent))
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
        calls = [await waiting(opened) for _ in range(2)]
        with pytest.raises(Overloaded):
            await opened.run(begin)
        calls.append(await waiting(opened, urgent=True))
        calls[0].cancel()
        await asyncio.wait([calls[0]])
        # Whoever gave up makes room.
        calls.append(await waiting(opened))
        go_on()

        assert await asyncio.gather(*calls[1:]) == [None] * 3


async def test_a_wait_that_is_too_long_is_overload() -> None:
    async with lane(patience_s=0.05) as (opened, go_on):
        with pytest.raises(Overloaded):
            await opened.run(begin)
        go_on()

        async with asyncio.timeout(10):
            await opened.run(begin)


@pytest.mark.parametrize("turns", range(4))
async def test_a_place_that_was_given_to_somebody_who_gave_up_is_not_lost(turns: int) -> None:
    async with lane() as (opened, go_on):
        leaving = await waiting(opened)
        staying = await waiting(opened)
        go_on()
        for _ in range(turns):
            await asyncio.sleep(0)
        opened._release_place()  # as if the place came free right now
        leaving.cancel()

        async with asyncio.timeout(10):
            await staying
