"""Slots go round among projects, and are never lost."""

from __future__ import annotations

import asyncio

from vimesh.notifier.senders.templates.fair_slots import FairSlots


class Line:
    """Holds slots until it is told to go on, and notes who has one."""

    def __init__(self, slots: int) -> None:
        self.slots = FairSlots(slots)
        self.served: list[str] = []
        self.go_on: dict[str, asyncio.Event] = {}

    async def stand(self, name: str) -> None:
        """Wait and hold a slot. The first letter of a name is the project."""
        self.go_on[name] = asyncio.Event()
        async with self.slots.slot(name[0]):
            self.served.append(name)
            await self.go_on[name].wait()

    async def settle(self) -> None:
        for _ in range(10):  # as many turns of the loop as it takes to hand slots on
            await asyncio.sleep(0)


async def test_a_project_has_one_slot_and_projects_take_turns() -> None:
    line = Line(2)
    async with asyncio.TaskGroup() as group:
        for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
            group.create_task(line.stand(name))
        await line.settle()
        assert line.served == ["a1", "b1"]

        line.go_on["a1"].set()
        await line.settle()
        assert line.served[2:] == ["c1"]  # a has had its turn, b has one

        line.go_on["b1"].set()
        await line.settle()
        assert line.served[3:] == ["a2"]
        line.go_on["a2"].set()
        await line.settle()
        assert line.served[4:] == ["b2"]
        for event in line.go_on.values():
            event.set()

    assert line.served[5:] == ["a3"]


async def test_who_leaves_the_line_takes_no_slot_with_him() -> None:
    line = Line(1)
    holding, waiting, last = (asyncio.create_task(line.stand(name)) for name in ("a1", "b1", "c1"))
    await line.settle()
    waiting.cancel()
    await line.settle()
    holding.cancel()
    await line.settle()
    assert line.served == ["a1", "c1"]

    last.cancel()
    await asyncio.gather(holding, waiting, last, return_exceptions=True)
    again = asyncio.create_task(line.stand("a2"))
    await line.settle()
    again.cancel()
    assert line.served[2:] == ["a2"]


async def test_a_slot_that_is_handed_to_who_just_left_goes_on() -> None:
    line = Line(1)
    holding, leaving, last = (asyncio.create_task(line.stand(name)) for name in ("a1", "b1", "c1"))
    await line.settle()

    line.go_on["a1"].set()
    await asyncio.sleep(0)  # the slot is handed to the next one, who has not woken up yet
    leaving.cancel()
    await line.settle()
    assert line.served == ["a1", "c1"]

    last.cancel()
    await asyncio.gather(holding, leaving, last, return_exceptions=True)
