"""The longest stall of a loop is told once."""

from __future__ import annotations

import asyncio
import time

from tests.support.timing.waiting import eventually
from vimesh.runtime.loop_stalls import LoopStalls

WITHIN_S = 30


async def test_a_loop_that_is_held_up_measures_that_once() -> None:
    stalls, told = LoopStalls(), list[float]()
    task = asyncio.create_task(stalls.run())
    await asyncio.sleep(0)  # so that it waits for its timer when the loop is held up
    time.sleep(1.0)  # noqa: ASYNC251 - holds the loop up

    async def measured() -> bool:
        told.append(stalls.take_longest_s())
        return told[-1] > 0.5

    await eventually(measured, WITHIN_S)
    task.cancel()

    assert 0.5 < told[-1] < WITHIN_S
    assert stalls.take_longest_s() == 0.0
