from __future__ import annotations

import asyncio
import time

from vimesh.runtime.loop_slices import in_slices


async def test_others_go_on_while_a_long_answer_is_made() -> None:
    turns = 0
    done = False

    async def go_on() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    def convert(number: int) -> int:
        until = time.perf_counter() + 0.002
        while time.perf_counter() < until:
            pass
        return number * 2

    other = asyncio.create_task(go_on())
    assert await in_slices(convert, range(50)) == [number * 2 for number in range(50)]
    done = True
    await other

    assert turns >= 40


async def test_a_short_answer_is_made_at_once() -> None:
    assert await in_slices(str, []) == []
    assert await in_slices(str, [1, 2]) == ["1", "2"]
