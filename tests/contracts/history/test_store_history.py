"""What every store says of the history of VIMs."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Iterable

import pytest
from sqlalchemy import func, select

from tests.support.sql.stores import registration
from vimesh.domain.access.caller import Caller, CallerRole
from vimesh.domain.errors import BadInput, VimNotFound
from vimesh.domain.history.history_limits import LEVELS, MAX_AGE_S, ROW_BYTES
from vimesh.domain.history.history_store import DigestDelivery, HistorySample, SampleQuery
from vimesh.domain.history.round_digests import MINUTE_S, RECORD_BYTES, RoundDigest, record_of
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Vim
from vimesh.store.history.history_rows import HistoryRow, add_bytes, insert_rows, read_rows, total_bytes
from vimesh.store.schema.history_tables import history
from vimesh.store.schema.tables import standings
from vimesh.store.sql_store import SqlStore

MINUTES, TENS, HOURS = LEVELS
DAY_S = 86400
ALWAYS = SampleQuery("", dt.datetime(1970, 1, 2, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC))


def digest(slot: int, sum_s: float, min_s: float, max_s: float, *counts: object) -> RoundDigest:
    """Return a digest with the times as a float32 has them."""
    times = struct.unpack("<3f", struct.pack("<3f", sum_s, min_s, max_s))
    return RoundDigest(slot, *times, *counts)


async def minute_now(store: VimStore) -> int:
    return int((await store.clock()).timestamp()) // MINUTE_S


def records(slots: Iterable[int], round_trip_s: float = 0.002) -> bytes:
    return b"".join(record_of(slot, [round_trip_s] * 6) for slot in slots)


def delivery(vim: Vim, slots: Iterable[int], round_trip_s: float = 0.002) -> DigestDelivery:
    return DigestDelivery(vim.id, vim.monitor.action_id, records(slots, round_trip_s))


async def samples(store: VimStore, vim: Vim, resolution_s: int = 60, back_s: int = 7200) -> list[HistorySample]:
    now = await store.clock()
    query = SampleQuery(vim.id, now - dt.timedelta(seconds=back_s), now, resolution_s)
    return await store.history.list_samples(query)


async def slots(store: VimStore, vim: Vim) -> list[int]:
    return [sample.digest.slot for sample in await samples(store, vim)]


async def size(store: VimStore) -> tuple[int, int]:
    """Return the bytes that are counted, and those that are there."""
    assert isinstance(store, SqlStore)
    rows = await store._database.read(lambda c: c.execute(select(history.c.digests)).scalars().all())
    return await store._database.read(total_bytes), sum(len(row) + ROW_BYTES for row in rows)


async def add_old(store: VimStore, vim: Vim, step: int, start: int, digests: bytes) -> None:
    assert isinstance(store, SqlStore)
    number = await number_of(store, vim)

    def add(connection: object) -> None:
        row = HistoryRow(number, step, start, digests)
        insert_rows(connection, [row])  # type: ignore[arg-type]  # a connection
        add_bytes(connection, row.size)  # type: ignore[arg-type]  # as above

    await store._database.write(add)


async def number_of(store: SqlStore, vim: Vim) -> int:
    query = select(standings.c.number).where(standings.c.vim_id == vim.id)
    return int(await store._database.read(lambda c: c.execute(query).scalar_one()))


async def compact(store: VimStore, size_bytes: int = 2**40) -> None:
    while await store.history.compact_history(size_bytes, 1000):
        pass


async def test_digests_are_listed_as_they_were_delivered(store: VimStore, vim: Vim) -> None:
    now = await minute_now(store)
    lossy = record_of(now - 1, [0.0005, 0.02, 0.4], failed=1, lost=7)

    answer = await store.history.record_digests(
        [DigestDelivery(vim.id, vim.monitor.action_id, records([now - 3, now - 2]) + lossy)]
    )

    assert answer.refused == 0
    first, second, third = await samples(store, vim)
    assert [one.digest.slot for one in (first, second, third)] == [now - 3, now - 2, now - 1]
    assert first.start_time == dt.datetime.fromtimestamp((now - 3) * MINUTE_S, dt.UTC)
    assert first.span_s == MINUTE_S
    assert second.digest == digest(now - 2, 0.012, 0.002, 0.002, 6, 6, 0, (0, 6, 0, 0, 0, 0, 0, 0))
    assert third.digest == digest(now - 1, 0.4205, 0.0005, 0.4, 4, 3, 7, (1, 0, 0, 1, 0, 0, 1, 0))


async def test_a_repeated_delivery_changes_nothing(store: VimStore, vim: Vim) -> None:
    now = await minute_now(store)
    await store.history.record_digests([delivery(vim, [now - 2, now - 1])])

    answer = await store.history.record_digests([delivery(vim, [now - 2, now - 1, now], round_trip_s=0.9)])

    assert answer.refused == 2
    assert [one.digest.max_s for one in await samples(store, vim)] == pytest.approx([0.002, 0.002, 0.9])
    counted, there = await size(store)
    assert counted == there


async def test_minutes_that_are_too_old_or_still_to_come_are_refused(store: VimStore, vim: Vim) -> None:
    now = await minute_now(store)
    oldest = now - MAX_AGE_S // MINUTE_S

    answer = await store.history.record_digests([delivery(vim, [oldest - 5, oldest + 5, now, now + 5])])

    assert answer.refused == 2
    assert await slots(store, vim) == [oldest + 5, now]


async def test_only_wanted_actions_are_recorded(store: VimStore, vim: Vim) -> None:
    """G1: of history, too."""
    now = await minute_now(store)
    other = await store.register(registration())

    answer = await store.history.record_digests(
        [
            DigestDelivery(vim.id, str(uuid.uuid4()), records([now])),
            DigestDelivery(str(uuid.uuid4()), vim.monitor.action_id, records([now])),
            DigestDelivery(vim.id, other.monitor.action_id, records([now])),
            delivery(other, [now]),
        ]
    )

    assert answer.refused == 3
    assert (await slots(store, vim), await slots(store, other)) == ([], [now])


async def test_a_reporter_records_only_for_its_engines_and_projects(store: VimStore, vim: Vim) -> None:
    """G14: of history, too."""
    now = await minute_now(store)
    roles, engines = frozenset({CallerRole.REPORTER}), frozenset({Engine.EMBEDDED})
    driver = Caller("spiffe://other", roles, None, frozenset({Engine.MISTRAL}))
    stranger = Caller("spiffe://stranger", roles, frozenset({"another"}), engines)
    own = Caller("spiffe://own", roles, frozenset({vim.project_id}), engines)

    refused = [
        (await store.history.record_digests([delivery(vim, [now])], by)).refused for by in (driver, stranger, own)
    ]

    assert refused == [1, 1, 0]
    with pytest.raises(VimNotFound):
        await store.history.list_samples(SampleQuery(vim.id), stranger)


async def test_the_time_is_told_without_a_delivery(store: VimStore) -> None:
    before = await store.clock()
    answer = await store.history.record_digests([])
    assert before <= answer.time <= await store.clock()
    assert answer.refused == 0


async def test_samples_of_longer_spans_add_up(store: VimStore, vim: Vim) -> None:
    now = await minute_now(store)
    ten = now // 10 * 10 - 10
    await store.history.record_digests([delivery(vim, range(ten, ten + 5), 0.002)])
    await store.history.record_digests([delivery(vim, range(ten + 5, ten + 10), 0.004)])

    [sample] = await samples(store, vim, 600)

    assert (sample.span_s, sample.start_time.timestamp()) == (600, ten * MINUTE_S)
    assert sample.digest[1:4] == pytest.approx((0.18, 0.002, 0.004))
    assert (sample.digest.slot, *sample.digest[4:]) == (ten // 10, 60, 60, 0, (0, 30, 30, 0, 0, 0, 0, 0))


async def test_a_time_of_too_many_samples_is_refused(store: VimStore, vim: Vim) -> None:
    end = await store.clock()
    with pytest.raises(BadInput, match="more than 10000 samples"):
        await store.history.list_samples(SampleQuery(vim.id, end - dt.timedelta(days=30), end, 60))
    with pytest.raises(BadInput, match="before end_time"):
        await store.history.list_samples(SampleQuery(vim.id, end, end))
    with pytest.raises(VimNotFound):
        await store.history.list_samples(SampleQuery(str(uuid.uuid4())))


async def test_history_goes_with_its_vim(store: VimStore, vim: Vim) -> None:
    other = await store.register(registration())
    now = await minute_now(store)
    await store.history.record_digests([delivery(vim, [now]), delivery(other, [now])])

    await store.deregister(vim.id)

    again = await store.register(registration(vim_id=vim.id))
    assert (await slots(store, again), await slots(store, other)) == ([], [now])
    assert await size(store) == (RECORD_BYTES + ROW_BYTES,) * 2


async def test_old_minutes_become_ten_minutes_and_these_hours_and_nothing_is_lost(store: VimStore, vim: Vim) -> None:
    other = await store.register(registration())
    now = int((await store.clock()).timestamp())
    # Rows of three days that fell due together, as after a long outage.
    block = (now - 7 * DAY_S) // HOURS.row_s * HOURS.row_s
    for each, round_trip_s in ((vim, 0.002), (other, 0.02)):
        for hour in range(24):
            start = block + hour * MINUTES.row_s
            slots_of_hour = range(start // MINUTE_S, start // MINUTE_S + 60)
            await add_old(store, each, MINUTES.step_s, start, records(slots_of_hour, round_trip_s))

    await compact(store)

    assert isinstance(store, SqlStore)
    numbers = [await number_of(store, each) for each in (vim, other)]
    kept = await store._database.read(lambda c: c.execute(select(history.c.step, func.count()).group_by("step")).all())
    assert [tuple(row) for row in kept] == [(HOURS.step_s, 2)]
    rows = await store._database.read(lambda c: read_rows(c, HOURS.step_s, numbers, block, block + 1))
    assert [len(row.digests) for row in rows] == [24 * RECORD_BYTES] * 2
    day = await samples(store, vim, 3600, 14 * DAY_S)
    assert [sample.span_s for sample in day] == [3600] * 24
    assert all(one.digest[1:7] == pytest.approx((0.72, 0.002, 0.002, 360, 360, 0)) for one in day)
    counted, there = await size(store)
    assert counted == there


async def test_recent_rows_stay_and_hours_end_after_a_month(store: VimStore, vim: Vim) -> None:
    now = int((await store.clock()).timestamp())
    await store.history.record_digests([delivery(vim, [now // MINUTE_S])])
    recent = (now - 2 * DAY_S) // TENS.row_s * TENS.row_s
    await add_old(store, vim, TENS.step_s, recent, records([recent // TENS.step_s]))
    for days in (20, 40):
        old = (now - days * DAY_S) // HOURS.row_s * HOURS.row_s
        await add_old(store, vim, HOURS.step_s, old, records([old // HOURS.step_s]))

    await compact(store)

    assert isinstance(store, SqlStore)
    steps = await store._database.read(lambda c: c.execute(select(history.c.step).order_by("step")).scalars().all())
    assert steps == [MINUTES.step_s, TENS.step_s, HOURS.step_s]
    counted, there = await size(store)
    assert counted == there


async def test_the_oldest_history_goes_if_all_of_it_is_too_much(store: VimStore, vim: Vim) -> None:
    now = await minute_now(store)
    hour = now // 60 * 60
    await add_old(store, vim, MINUTES.step_s, (hour - 120) * MINUTE_S, records(range(hour - 120, hour - 60)))
    await store.history.record_digests([delivery(vim, [now])])

    await compact(store, size_bytes=60 * RECORD_BYTES)

    assert await slots(store, vim) == [now]
    assert await size(store) == (RECORD_BYTES + ROW_BYTES,) * 2


async def test_a_vim_has_no_more_than_a_digest_a_minute(store: VimStore, vim: Vim) -> None:
    """Whatever its reporter sends, so that the bytes of a VIM are bounded."""
    now = await minute_now(store)
    for _ in range(3):
        await store.history.record_digests([delivery(vim, [now - 1, now]), delivery(vim, [now - 1, now])])

    assert await slots(store, vim) == [now - 1, now]
