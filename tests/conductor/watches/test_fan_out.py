from __future__ import annotations

import asyncio

import pytest

from vimesh.conductor.watches.fan_out import FanOut
from vimesh.runtime.background import beside

MANY = 100


async def until_waiting(tasks: list[asyncio.Task[None]]) -> None:
    """Let tasks come to where they wait: each needs one step for that."""
    for _ in tasks:
        await asyncio.sleep(0)


async def test_reporters_hear_first_and_then_people_a_few_at_a_time() -> None:
    fan_out, heard = FanOut(), list[str]()
    steps: list[int] = []

    async def wait(name: str) -> None:
        await fan_out.turn(reporter=name == "reporter")
        heard.append(name)

    tasks = [asyncio.create_task(wait(name)) for name in ["person"] * MANY + ["reporter"] * 10]
    await until_waiting(tasks)
    async with beside(fan_out.run()):
        fan_out.wake()
        while len(heard) < MANY + 10:
            before = len(heard)
            await asyncio.sleep(0)
            steps.append(len(heard) - before)

    assert heard == ["reporter"] * 10 + ["person"] * MANY
    assert max(steps) < MANY / 4


async def test_who_comes_after_the_wake_waits_for_the_next_one() -> None:
    fan_out = FanOut()
    async with beside(fan_out.run()):
        fan_out.wake()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fan_out.turn(reporter=False), 0.05)
        later = asyncio.create_task(fan_out.turn(reporter=False))
        await until_waiting([later])
        fan_out.wake()
        await asyncio.wait_for(later, 10)


async def test_who_gives_up_leaves_nothing_behind() -> None:
    fan_out = FanOut()
    tasks = [asyncio.create_task(fan_out.turn(reporter=False)) for _ in range(MANY)]
    await until_waiting(tasks)
    assert fan_out.waiting == MANY
    fan_out.wake()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert fan_out.waiting == 0
