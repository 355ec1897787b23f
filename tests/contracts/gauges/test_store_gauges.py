"""What metrics say of the database is what the store lists, on every database."""

from __future__ import annotations

import pytest

from tests.support.sql.stores import elapse, record, registration, report
from vimesh.domain.actions import Shard
from vimesh.domain.fleet.store_statistics import TodoState
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Status


async def test_the_database_is_named_by_its_product(store: VimStore, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["database_url"].partition("-")[0]

    assert (await store.read_gauges()).dialect == kind


async def test_vims_are_counted_by_what_they_read(store: VimStore) -> None:
    pending, silent, reachable = [await store.register(registration()) for _ in range(3)]
    await record(store, [report(silent)], 1)
    await elapse(store, 30)
    await record(store, [report(reachable)])

    gauges = await store.read_gauges()

    counts = {status: count for status, count in gauges.vims.items() if count}
    assert counts == {Status.PENDING: 1, Status.UNKNOWN: 1, Status.REACHABLE: 1}
    assert gauges.version.replace(".", "").isdigit()
    assert (await store.get(pending.id)).status is Status.PENDING


async def test_todos_are_counted_by_what_becomes_of_them(store: VimStore) -> None:
    assert (await store.read_gauges()).oldest_todo_s == 0
    for _ in range(3):
        await store.register(registration(engine=Engine.MISTRAL))
    first, _ = await store.claim_todos("one", 2, 60)
    await store.finish_todo(first.id, first.claim_token, retry_after_s=600)

    gauges = await store.read_gauges()

    assert gauges.todos == {TodoState.DUE: 1, TodoState.CLAIMED: 1, TodoState.DELAYED: 1}
    assert 0 <= gauges.oldest_todo_s < 60


async def test_samples_are_what_vims_read_in_the_order_of_registration(store: VimStore) -> None:
    vims = [await store.register(registration()) for _ in range(5)]
    await record(store, [report(vims[0], round_trip_s=0.125), report(vims[1], Status.UNREACHABLE, reason="TIMEOUT")])
    await record(store, [report(vims[2])], 1)
    await elapse(store, 20)

    first = await store.read_samples(Shard(), 0, 3)
    rest = await store.read_samples(Shard(), first[-1].number, 3)
    labels = {each.number: each for each in await store.read_labels([sample.number for sample in (*first, *rest)])}

    statuses = [Status.REACHABLE, Status.UNREACHABLE, Status.UNKNOWN, Status.PENDING, Status.PENDING]
    assert [sample.status for sample in (*first, *rest)] == statuses
    assert [sample.round_trip_s for sample in first[:2]] == [0.125, None]
    assert [sample.valid_until is None for sample in (*first, *rest)] == [False, False, False, True, True]
    assert [labels[sample.number].vim_id for sample in (*first, *rest)] == [vim.id for vim in vims]
    odd = await store.read_samples(Shard(1, 2), 0, 10)
    even = await store.read_samples(Shard(0, 2), 0, 10)
    assert sorted(sample.number for sample in (*odd, *even)) == [sample.number for sample in (*first, *rest)]


async def test_transactions_are_counted(store: VimStore) -> None:
    before = store.statistics.commits

    vim = await store.register(registration())
    await record(store, [report(vim)])

    assert store.statistics.commits == before + 2
    assert sum(store.statistics.queues["write"].durations_s.counts) >= 2
    assert store.statistics.queues["write"].waiting == 0
