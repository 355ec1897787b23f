"""A replay is what a watch got, in the rhythm of then."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.support.deployments.conductors import conductor_over
from tests.support.sql.random_histories import History, now_between_changes
from tests.support.sql.stores import record, registration, report, sqlite_url, store_at
from tests.support.timing.waiting import until
from vimesh.cli.base.exits import Failure
from vimesh.cli.watches.past_times import past_time
from vimesh.cli.watches.replay_changes import replay
from vimesh.client.calls.front_stubs import Front, connected
from vimesh.client.watches.resumable_watch import WatchPosition, watch
from vimesh.domain.retention import Retention
from vimesh.domain.settings import BadFlag
from vimesh.domain.vims import Status
from vimesh.store.schema.tables import events
from vimesh.store.sql_store import SqlStore
from vimesh.v1.vim_pb2 import VimEvent

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_MICROS = round(BEGIN.timestamp()) * 1_000_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as opened:
        yield opened


@pytest.fixture
async def front(store: SqlStore) -> AsyncGenerator[Front]:
    """Serve changes 2 to 7, of two VIMs, which came every 10 s from BEGIN on."""
    async with conductor_over(store) as client, connected(client.address, 30.0) as opened:
        for _ in range(2):
            vim = await store.register(registration())
            await record(store, [report(vim, Status.REACHABLE, 1)])
            await record(store, [report(vim, Status.UNREACHABLE, 2)])
        times = update(events).values(time=_MICROS + 10_000_000 * (events.c.revision - 2))
        await store._database.write(lambda c: c.execute(times))
        yield opened


async def watched(front: Front, after: int, up_to: int) -> list[VimEvent]:
    seen: list[VimEvent] = []
    async for shown in watch(front, after=WatchPosition(after)):
        seen += shown.answer.events
        if shown.answer.revision >= up_to:
            return seen
    return seen


async def test_a_replay_is_what_was_watched_byte_by_byte(front: Front) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    past = [event async for event in replay(front, "", BEGIN + dt.timedelta(seconds=5), 4.0, sleep=pause)]

    recorded = await watched(front, 2, 7)
    assert [event.revision for event in past] == [3, 4, 5, 6, 7]
    assert [event.SerializeToString() for event in past] == [event.SerializeToString() for event in recorded]
    assert pauses == [2.5] * 4


async def test_a_replay_is_what_a_watch_recorded_while_it_happened(front: Front, store: SqlStore) -> None:
    """Whatever happens: VIMs come, change, fall silent, are replaced and go, in maintenance and out of it."""
    begun, newest = await now_between_changes(store), (await store.span()).newest
    recorded: list[VimEvent] = []
    reached = newest

    async def record_all() -> None:
        nonlocal reached
        async for shown in watch(front, after=WatchPosition(newest)):
            recorded.extend(shown.answer.events)
            reached = shown.answer.revision

    recording = asyncio.create_task(record_all())
    history = History(store, random.Random(5))
    for _ in range(60):
        await history.step()
        # Each change arrives before the next one is made.
        newest = (await store.span()).newest
        await until(lambda: reached >= newest, 30)  # noqa: B023 - is called in this turn only

    async def pause(_: float) -> None:
        """Lose no time."""

    past = [event async for event in replay(front, "", begun, 1.0, sleep=pause)]
    # The conductor may have recorded a silence in the meantime.
    newest = past[-1].revision
    await until(lambda: reached >= newest, 30)
    recording.cancel()
    await asyncio.wait([recording])
    assert len(history.done) >= 8
    assert len(past) > 30
    assert [event.SerializeToString() for event in past] == [
        event.SerializeToString() for event in recorded if event.revision <= newest
    ]


async def test_a_replay_of_a_vim_has_its_changes_from_the_first_on(front: Front) -> None:
    async def pause(seconds: float) -> None:
        assert seconds

    vim_id = (await watched(front, 1, 7))[-1].vim_id

    assert [event.revision async for event in replay(front, vim_id, BEGIN, 1.0, sleep=pause)] == [5, 6, 7]


async def test_a_replay_from_after_the_newest_change_is_empty(front: Front) -> None:
    assert not [event async for event in replay(front, "", dt.datetime.now(dt.UTC), 1.0)]


async def test_what_is_no_longer_kept_cannot_be_replayed(front: Front, store: SqlStore) -> None:
    await store.compact(Retention(events=3, age_s=1e9), 100)

    with pytest.raises(Failure, match="no longer kept: the log begins at 2026-01-01T00:00:30Z"):
        [event async for event in replay(front, "", BEGIN, 1.0)]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2h", dt.datetime(2026, 5, 1, 10, tzinfo=dt.UTC)),
        ("2026-04-30", dt.datetime(2026, 4, 30, tzinfo=dt.UTC)),
        ("2026-04-30T12:00:00+02:00", dt.datetime(2026, 4, 30, 10, tzinfo=dt.UTC)),
        ("2026-04-30T12:00:00.5Z", dt.datetime(2026, 4, 30, 12, 0, 0, 500_000, tzinfo=dt.UTC)),
    ],
)
def test_times_are_read_as_such_or_as_how_long_ago(text: str, time: dt.datetime) -> None:
    assert past_time("--replay", text, lambda: dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)) == time


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "999999d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadFlag):
        past_time("--replay", text)
