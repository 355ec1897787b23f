"""What metrics say of the database is what the store lists, on every database."""

from __future__ import annotations

import pytest

from tests.support.sql.maintenance import keep_up, new_window
from tests.support.sql.stores import elapse, record, registration, report
from vimesh.domain.actions import Shard
from vimesh.domain.availability.availability_query import AvailabilityQuery, DayRange
from vimesh.domain.bulk.bulk_store import Removal
from vimesh.domain.filters.vim_filter import EVERY_VIM
from vimesh.domain.fleet.store_statistics import ReceiverState, TodoState
from vimesh.domain.history.history_store import DigestDelivery
from vimesh.domain.history.round_digests import MINUTE_S, record_of
from vimesh.domain.notifications.delivery_store import ClaimRequest
from vimesh.domain.notifications.receivers import CLAIM_S, ReceiverSettings
from vimesh.domain.notifications.targets import AlertmanagerTarget
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Modification, Status


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


async def test_receivers_are_counted_by_whether_a_notifier_works_for_them(store: VimStore) -> None:
    assert set((await store.read_gauges()).receivers.values()) == {0}
    target = AlertmanagerTarget(("http://127.0.0.1:9093",))
    for name in ("a", "b", "off"):
        await store.receivers.create(ReceiverSettings("", name, target, disabled=name == "off"))

    unclaimed = (await store.read_gauges()).receivers
    await store.deliveries.acquire(ClaimRequest("n1"))
    claimed = (await store.read_gauges()).receivers
    await elapse(store, CLAIM_S + 1)
    lapsed = (await store.read_gauges()).receivers

    assert unclaimed == lapsed
    assert unclaimed == {ReceiverState.CLAIMED: 0, ReceiverState.UNCLAIMED: 2, ReceiverState.DISABLED: 1}
    assert claimed == {ReceiverState.CLAIMED: 2, ReceiverState.UNCLAIMED: 0, ReceiverState.DISABLED: 1}
    whole = (await store.fleet_status(None, whole=True)).whole
    assert whole is not None
    assert whole.receivers == 2


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
    assert sorted(await store.read_all_labels(Shard())) == sorted(labels.values())
    odd = await store.read_samples(Shard(1, 2), 0, 10)
    even = await store.read_samples(Shard(0, 2), 0, 10)
    assert sorted(sample.number for sample in (*odd, *even)) == [sample.number for sample in (*first, *rest)]
    of_odd = [each.number for each in await store.read_all_labels(Shard(1, 2))]
    assert sorted(of_odd) == [sample.number for sample in odd]


async def test_transactions_are_counted(store: VimStore) -> None:
    before = store.statistics.commits

    vim = await store.register(registration())
    await record(store, [report(vim)])

    assert store.statistics.commits == before + 2
    assert sum(store.statistics.queues["write"].durations_s.counts) >= 2
    assert store.statistics.queues["write"].waiting == 0


async def test_requests_and_maintenance_are_counted(store: VimStore) -> None:
    vims = [await store.register(registration(labels={"region": "eu"})) for _ in range(3)]
    nobody = "00000000-0000-4000-8000-000000000000"
    change = Modification(description="x")
    for check in (True, False):
        changes = [(vim_id, change) for vim_id in (vims[0].id, vims[1].id, nobody)]
        await store.bulk.modify_many(changes, validate_only=check)
    await store.bulk.deregister_many([Removal(vims[2].id)])
    now_s = int((await store.clock()).timestamp())
    today = DayRange(now_s // 86400, now_s // 86400 + 1)
    await store.availability.query_availability(AvailabilityQuery(EVERY_VIM, today, (), 10))
    records = record_of(now_s // MINUTE_S - 1, [0.002] * 6)
    delivery = DigestDelivery(vims[0].id, vims[0].monitor.action_id, records)
    await store.history.record_digests([delivery, delivery._replace(action_id=nobody)])
    window = (await store.maintenance.create(new_window("labels.region = eu"))).window
    await keep_up(store)
    during = (await store.read_gauges()).maintenance_windows
    await store.maintenance.end(window.id)
    await keep_up(store)

    bulk = store.statistics.bulk
    assert bulk.bulk_changes == {("modify", "changed"): 2, ("modify", "refused"): 1, ("deregister", "changed"): 1}
    assert sum(bulk.availability_s.counts) == 1
    assert bulk.digests == {"recorded": 1, "refused": 1}
    assert bulk.announcements == {"started": 2, "ended": 2}
    assert (during, (await store.read_gauges()).maintenance_windows) == (1, 0)
