"""Any number of readers cost the fleet one question, and a fleet that hangs or fails delays few of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from tests.support.timing.waiting import eventually
from vimesh.console.status.cached_answer import Answered, CachedAnswer, CacheTimes, FleetUnanswered
from vimesh.runtime.task_crew import TaskCrew, crew

TIMES = CacheTimes(fresh_s=10, pause_s=5, wait_s=0.05)


@dataclass
class SlowFleet:
    """Answers each question with a number, once it may."""

    asked: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False
    now: float = 100.0

    async def ask(self) -> int:
        self.asked += 1
        number = self.asked
        await self.may_answer.wait()
        if self.fails:
            raise FleetUnanswered
        return number

    def clock(self) -> float:
        return self.now


@pytest.fixture
async def tasks() -> AsyncGenerator[TaskCrew]:
    async with crew() as made:
        yield made


@pytest.fixture
def fleet() -> SlowFleet:
    return SlowFleet()


@pytest.fixture
def answer(fleet: SlowFleet, tasks: TaskCrew) -> CachedAnswer[int]:
    return CachedAnswer(fleet.ask, TIMES, tasks, fleet.clock)


async def test_a_thousand_readers_ask_once(fleet: SlowFleet, answer: CachedAnswer[int]) -> None:
    fleet.may_answer.set()

    read = await asyncio.gather(*(answer.read() for _ in range(1000)))

    assert (fleet.asked, set(read)) == (1, {Answered(1, 100.0)})


async def test_an_answer_is_given_for_its_time_and_then_asked_for_again(
    fleet: SlowFleet, answer: CachedAnswer[int]
) -> None:
    fleet.may_answer.set()
    await answer.read()
    fleet.now += 9.9
    assert await answer.read() == Answered(1, 100.0)
    fleet.now += 0.1

    assert await answer.read() == Answered(2, 110.0)


async def test_of_a_fleet_that_hangs_the_former_answer_is_given_and_only_the_first_readers_wait(
    fleet: SlowFleet, answer: CachedAnswer[int]
) -> None:
    fleet.may_answer.set()
    await answer.read()
    fleet.may_answer.clear()
    fleet.now += 20

    waited = await answer.read()
    async with asyncio.timeout(TIMES.wait_s / 2):
        at_once = await answer.read()

    assert (waited, at_once, fleet.asked) == (Answered(1, 100.0), Answered(1, 100.0), 2)
    fleet.may_answer.set()

    async def is_renewed() -> bool:
        return await answer.read() == Answered(2, 120.0)

    await eventually(is_renewed, 5)


async def test_a_lone_reader_of_a_slow_fleet_waits_when_the_last_answer_is_of_no_use(
    fleet: SlowFleet, tasks: TaskCrew
) -> None:
    answer = CachedAnswer(fleet.ask, CacheTimes(10, wait_s=0, stale_s=60), tasks, fleet.clock)
    for reading in range(1, 4):
        fleet.may_answer.clear()
        reader = asyncio.create_task(answer.read())
        # Longer than readers wait whose answer is of use.
        assert not (await asyncio.wait([reader], timeout=0.05))[0]
        fleet.may_answer.set()
        assert await reader == Answered(reading, fleet.now)
        fleet.now += 62

    # After a failure there is something to say at once.
    fleet.fails = True
    assert await answer.read() == Answered(3, fleet.now - 62)
    fleet.may_answer.clear()
    fleet.now += 5
    async with asyncio.timeout(5):
        assert await answer.read() == Answered(3, fleet.now - 67)
    fleet.may_answer.set()


async def test_a_fleet_that_fails_is_left_alone_for_a_while(fleet: SlowFleet, answer: CachedAnswer[int]) -> None:
    fleet.may_answer.set()
    fleet.fails = True
    assert await answer.read() is None
    assert [await answer.read() for _ in range(10)] == [None] * 10
    assert fleet.asked == 1
    fleet.now += 5
    fleet.fails = False

    assert await answer.read() == Answered(2, 105.0)
