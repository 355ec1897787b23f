"""A process makes itself known from its start until it ends in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from vimesh.domain.fleet.process_announcements import Announcement, ProcessKind
from vimesh.watchdog import process_announcer
from vimesh.watchdog.process_announcer import announced

WITHIN_S = 30


@dataclass
class Link:
    """Notes what it is told."""

    refusals: int = 0
    due_s: float = 15.0
    answers: bool = True
    told: asyncio.Queue[Announcement] = field(default_factory=asyncio.Queue)
    ended: list[Announcement] = field(default_factory=list)

    async def announce(self, announcement: Announcement) -> float | None:
        self.told.put_nowait(announcement)
        self.refusals -= 1
        return None if self.refusals >= 0 else self.due_s

    async def withdraw(self, announcement: Announcement) -> None:
        if not self.answers:
            await asyncio.Event().wait()
        self.ended.append(announcement)

    async def next(self) -> Announcement:
        async with asyncio.timeout(WITHIN_S):
            return await self.told.get()


def facts() -> Mapping[str, str]:
    return {"listen": "unix:/tmp/é\n" + "x" * 200}


async def test_it_announces_itself_and_says_when_it_ends() -> None:
    link = Link()
    async with announced(ProcessKind.API, link, facts):
        first = await link.next()
        assert link.ended == []

    assert [one.process_id for one in link.ended] == [first.process_id]
    assert (first.kind, first.facts) == (ProcessKind.API, {"listen": "unix:/tmp/??" + "x" * 116})


async def test_it_goes_on_when_the_fleet_does_not_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_announcer, "RETRY_S", 0.01)
    link = Link(refusals=2)
    async with announced(ProcessKind.API, link, facts):
        said = [await link.next() for _ in range(3)]

    assert len({one.process_id for one in said}) == 1
    assert said[0].uptime_s < said[1].uptime_s < said[2].uptime_s


async def test_a_process_that_is_cancelled_ends_in_order() -> None:
    link = Link()

    async def run() -> None:
        async with announced(ProcessKind.MONITOR, link, facts):
            await asyncio.Event().wait()

    process = asyncio.create_task(run())
    await link.next()
    process.cancel()
    with pytest.raises(asyncio.CancelledError):
        await process

    assert len(link.ended) == 1


async def test_a_process_that_fails_stays_known() -> None:
    link = Link()
    with pytest.raises(RuntimeError, match="broken"):
        async with announced(ProcessKind.MONITOR, link, facts):
            raise RuntimeError("broken")

    assert link.ended == []


async def test_an_end_does_not_wait_long_for_the_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_announcer, "_WITHDRAW_WITHIN_S", 0.01)
    link = Link(answers=False)
    async with asyncio.timeout(WITHIN_S), announced(ProcessKind.MONITOR, link, facts):
        await link.next()

    assert link.ended == []
