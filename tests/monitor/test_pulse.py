"""What is due together is done together, and yet lets others have their turn."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from vimesh.monitor.cohorts import Cohort, Cohorts, Key
from vimesh.monitor.pulse import Pulse
from vimesh.monitor.rounds import Rounds
from vimesh.monitor.running_clock import RunningClock
from vimesh.monitor.target import Target
from vimesh.monitor.wheel import Wheel


class Volleys:
    """In the place of Cohorts and Rounds: notes what is due, and that another callback had its turn after it."""

    open = 0

    def __init__(self, ends_after: int) -> None:
        self.awaiting: dict[int, Cohort] = {}
        self.happened: list[str] = []
        self.ended = asyncio.Event()
        self._left = ends_after

    def due(self, _: Cohort) -> None:
        self.happened.append("volley")
        asyncio.get_running_loop().call_soon(self.happened.append, "other")
        self._left -= 1
        if not self._left:
            self.ended.set()


async def test_volleys_that_are_due_together_let_others_have_their_turn_in_between() -> None:
    volleys = Volleys(3)
    running = RunningClock(time.monotonic)
    wheel: Wheel[Target] = Wheel(0.01)
    cohort_wheel: Wheel[Cohort] = Wheel(0.01)
    pulse = Pulse(
        loop=asyncio.get_running_loop(),
        running=running,
        wheel=wheel,
        rounds=cast("Rounds", volleys),
        cohort_wheel=cohort_wheel,
        cohorts=cast("Cohorts", volleys),
    )
    when = running.now()
    for _ in range(3):
        cohort_wheel.set(Cohort(Key(2, 10, 1, 0), 0), when)

    pulse.arm()
    async with asyncio.timeout(10):
        await volleys.ended.wait()
    pulse.close()

    assert volleys.happened[:5] == ["volley", "other", "volley", "other", "volley"]
