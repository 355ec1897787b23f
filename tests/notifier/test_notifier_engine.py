"""The engine of a notifier at a real conductor: claims, the log, maintenance, and what is put on record."""

from __future__ import annotations

import time

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import select, update

from tests.support.deployments.conductors import Client
from tests.support.notifier.running_notifier import Endpoint, create_receiver, notifier_at
from tests.support.timing.waiting import eventually, until
from vimesh.domain.retention import Retention
from vimesh.notifier.senders.sender import ReceiverGone, SendDelayed, SendRefused
from vimesh.store.schema.notification_tables import notices, receivers
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import maintenance_service_pb2, vim_service_pb2
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceStub
from vimesh.v1.vim_pb2 import Vim

WITHIN_S = 30


async def get_receiver(client: Client, receiver_id: str) -> pb.Receiver:
    request = pb.GetReceiverRequest(receiver_id=receiver_id)
    return (await ReceiverServiceStub(client.channel).GetReceiver(request, timeout=WITHIN_S)).receiver


async def dead(client: Client, receiver_id: str) -> list[pb.Notification]:
    request = pb.ListNotificationsRequest(receiver_id=receiver_id, states=[pb.Notification.DEAD])
    stub = ReceiverServiceStub(client.channel)
    return list((await stub.ListNotifications(request, timeout=WITHIN_S)).notifications)


async def test_a_problem_and_its_end_are_told_and_recorded(client: Client, store: SqlStore) -> None:
    pager = Endpoint()
    receiver = await create_receiver(client.channel)
    vim = await client.register(name="lab", labels={"region": "eu"})
    async with notifier_at(client.address, "one", {"pager": pager}) as notifier:
        await client.report(vim, Vim.UNREACHABLE, 1, reason="TIMEOUT")
        (problem,) = (await pager.until(1))[0].changes
        await client.report(vim, Vim.REACHABLE, 2)
        (end,) = (await pager.until(2))[1].changes

        async def is_recorded() -> bool:
            shown = await get_receiver(client, receiver.id)
            return shown.revision >= end.revision and not shown.HasField("pending_since")

        await eventually(is_recorded, WITHIN_S)
        shown = await get_receiver(client, receiver.id)

    assert (problem.kind, problem.vim_name, problem.reason, problem.labels) == (
        "PROBLEM", "lab", "TIMEOUT", {"region": "eu"},
    )  # fmt: skip
    assert (end.kind, end.since) == ("RESOLVED", problem.since)
    assert shown.notifier_id == "one"
    assert shown.HasField("last_delivery_time")
    assert not await store._database.read(lambda c: c.execute(select(notices)).all())
    assert notifier.statistics.notifications == {("CHANGES", "delivered"): 2}
    assert notifier.statistics.is_connected


async def test_a_receiver_that_hangs_delays_nobody_else(client: Client) -> None:
    hanging, pager = Endpoint(), Endpoint()
    hanging.is_open.clear()
    for name in ("hanging", "pager"):
        await create_receiver(client.channel, name)
    vim = await client.register()
    async with notifier_at(client.address, "one", {"hanging": hanging, "pager": pager}):
        await client.report(vim, Vim.UNREACHABLE, 1)
        await hanging.until_tried(1)
        await pager.until(1)
        await client.report(vim, Vim.REACHABLE, 2)
        await pager.until(2)

        assert not hanging.arrivals


@pytest.mark.alone
async def test_another_notifier_takes_over_within_ten_seconds(client: Client) -> None:
    pager = Endpoint()
    receiver = await create_receiver(client.channel)
    vim = await client.register()
    async with (
        notifier_at(client.address, "one", {"pager": pager}) as first,
        notifier_at(client.address, "two", {"pager": pager}) as second,
    ):
        await client.report(vim, Vim.UNREACHABLE, 1)
        (problem,) = (await pager.until(1))[0].changes
        await until_recorded(client, receiver.id, problem.revision)
        killed, survivor = (first, second) if pager.arrivals[0][0] == "one" else (second, first)
        await killed.kill()
        began = time.monotonic()
        await client.report(vim, Vim.REACHABLE, 2)
        await pager.until(2)

        assert time.monotonic() - began < 10.0
        assert pager.arrivals[0][0] != pager.arrivals[1][0]
        assert pager.kinds(vim.id) == ["PROBLEM", "RESOLVED"]
        await until(lambda: survivor.statistics.receivers == 1, WITHIN_S)


async def test_whoever_takes_over_does_not_try_for_the_whole_time_again(client: Client, store: SqlStore) -> None:
    pager = Endpoint(failure=SendDelayed("503: busy"))
    receiver = await create_receiver(client.channel, give_up_after=Duration(seconds=3600))
    vim = await client.register()
    async with notifier_at(client.address, "one", {"pager": pager}) as first:
        await client.report(vim, Vim.UNREACHABLE, 1)
        await pager.until_tried(2)

        async def is_recorded() -> bool:
            return bool(await store._database.read(lambda c: c.execute(select(receivers.c.unfinished_since)).scalar()))

        await eventually(is_recorded, WITHIN_S)
        await first.kill()
    attempts = pager.attempts
    an_hour_ago = update(receivers).values(unfinished_since=receivers.c.unfinished_since - micros(3600))
    await store._database.write(lambda connection: connection.execute(an_hour_ago))
    async with notifier_at(client.address, "two", {"pager": pager}):

        async def is_dead() -> bool:
            return len(await dead(client, receiver.id)) == 1

        await eventually(is_dead, WITHIN_S)

    assert pager.attempts == attempts + 1
    assert (await dead(client, receiver.id))[0].attempts in (attempts, attempts + 1)


async def test_a_notifier_that_stops_gives_its_receivers_back_at_once(client: Client) -> None:
    pager = Endpoint()
    receiver = await create_receiver(client.channel)
    async with notifier_at(client.address, "one", {"pager": pager}) as first:
        await until(lambda: first.statistics.receivers == 1, WITHIN_S)

    assert not (await get_receiver(client, receiver.id)).notifier_id


async def test_maintenance_of_a_real_fleet_is_quiet_and_ends_with_what_is_true(client: Client) -> None:
    pager = Endpoint()
    receiver = await create_receiver(client.channel)
    one, other, outside = [await client.register(name=name) for name in ("lab-1", "lab-2", "prod")]
    window = maintenance_service_pb2.MaintenanceWindow(
        filter='name = "lab*"', reason="new disks", duration=Duration(seconds=3600)
    )
    request = maintenance_service_pb2.CreateMaintenanceWindowRequest(window=window)
    created = await client.maintenance.CreateMaintenanceWindow(request, timeout=WITHIN_S)
    async with notifier_at(client.address, "one", {"pager": pager}):
        for observation in (1, 3, 5):
            for vim in (one, other):
                await client.report(vim, Vim.UNREACHABLE, observation)
            await client.report(other, Vim.REACHABLE, observation + 1)
        await client.report(outside, Vim.UNREACHABLE, 1)
        await pager.until(1)
        await until_recorded(client, receiver.id, (await client.get(outside.id)).revision)
        assert not pager.kinds(one.id) + pager.kinds(other.id)

        ending = maintenance_service_pb2.EndMaintenanceWindowRequest(window_id=created.window.id)
        await client.maintenance.EndMaintenanceWindow(ending, timeout=WITHIN_S)
        await pager.until(2)
        await client.report(one, Vim.REACHABLE, 6)
        await pager.until(3)

    assert pager.kinds(one.id) == ["PROBLEM", "RESOLVED"]
    assert not pager.kinds(other.id)


async def test_what_is_refused_is_dead_and_can_be_sent_again(client: Client) -> None:
    pager = Endpoint(failure=SendRefused("400: no such channel"))
    receiver = await create_receiver(client.channel)
    vim = await client.register()
    people = ReceiverServiceStub(client.channel)
    async with notifier_at(client.address, "one", {"pager": pager}) as notifier:
        await client.report(vim, Vim.UNREACHABLE, 1)

        async def is_dead() -> bool:
            return len(await dead(client, receiver.id)) == 1

        await eventually(is_dead, WITHIN_S)
        (shown,) = await dead(client, receiver.id)
        pager.failure = None
        await people.ResendNotifications(pb.ResendNotificationsRequest(receiver_id=receiver.id), timeout=WITHIN_S)
        (again,) = await pager.until(1)

        async def is_alive() -> bool:
            return not await dead(client, receiver.id)

        await eventually(is_alive, WITHIN_S)

    assert (shown.error, shown.attempts) == ("400: no such channel", 1)
    assert again.id == shown.id
    assert [str(change.kind) for change in again.changes] == ["PROBLEM"]
    assert notifier.statistics.notifications == {("CHANGES", "dead"): 1, ("CHANGES", "delivered"): 1}


async def test_a_test_is_sent(client: Client) -> None:
    pager = Endpoint()
    receiver = await create_receiver(client.channel)
    async with notifier_at(client.address, "one", {"pager": pager}):
        request = pb.TestReceiverRequest(receiver_id=receiver.id)
        queued = await ReceiverServiceStub(client.channel).TestReceiver(request, timeout=WITHIN_S)
        (arrived,) = await pager.until(1)

    assert arrived.id == queued.notification.id
    assert str(arrived.kind) == "TEST"


async def test_a_receiver_that_is_gone_is_disabled(client: Client) -> None:
    pager = Endpoint(failure=ReceiverGone("410: closed"))
    receiver = await create_receiver(client.channel)
    vim = await client.register()
    async with notifier_at(client.address, "one", {"pager": pager}):
        await client.report(vim, Vim.UNREACHABLE, 1)

        async def is_disabled() -> bool:
            return (await get_receiver(client, receiver.id)).disabled

        await eventually(is_disabled, WITHIN_S)

    shown = await get_receiver(client, receiver.id)
    assert shown.disabled_reason == "410: closed"
    assert shown.dead_count == 1
    assert pager.attempts == 1


async def test_what_is_delayed_is_tried_again_and_the_receiver_says_why(client: Client) -> None:
    pager = Endpoint(failure=SendDelayed("503: busy"))
    receiver = await create_receiver(client.channel)
    vim = await client.register()
    async with notifier_at(client.address, "one", {"pager": pager}) as notifier:
        await client.report(vim, Vim.UNREACHABLE, 1)
        await pager.until_tried(2)

        async def says_why() -> bool:
            shown = await get_receiver(client, receiver.id)
            return shown.last_error == "503: busy" and shown.HasField("pending_since")

        await eventually(says_why, WITHIN_S)
        assert receiver.id in notifier.statistics.failing_since
        pager.failure = None
        await pager.until(1)
        await until(lambda: not notifier.statistics.failing_since, WITHIN_S)

    assert len(pager.arrivals) == 1


async def test_people_change_a_receiver_while_it_is_worked_for(client: Client) -> None:
    pager = Endpoint()
    receiver = await create_receiver(client.channel, filter='name = "lab"')
    lab, prod = [await client.register(name=name) for name in ("lab", "prod")]
    async with notifier_at(client.address, "one", {"pager": pager}):
        await client.report(lab, Vim.UNREACHABLE, 1)
        await pager.until(1)
        receiver.filter = ""
        await ReceiverServiceStub(client.channel).ModifyReceiver(
            pb.ModifyReceiverRequest(receiver=receiver, update_mask=FieldMask(paths=["filter"])), timeout=WITHIN_S
        )
        await client.report(prod, Vim.UNREACHABLE, 1)
        await pager.until(2)

    assert pager.kinds(lab.id) == ["PROBLEM"]
    assert pager.kinds(prod.id) == ["PROBLEM"]


async def test_a_filter_that_is_narrowed_ends_the_problems_that_it_does_not_select(client: Client) -> None:
    pager = Endpoint()
    receiver = await create_receiver(client.channel)
    lab, prod = [await client.register(name=name) for name in ("lab", "prod")]
    async with notifier_at(client.address, "one", {"pager": pager}):
        for vim in (lab, prod):
            await client.report(vim, Vim.UNREACHABLE, 1)
        await until(lambda: bool(pager.kinds(lab.id) and pager.kinds(prod.id)), WITHIN_S)
        receiver.filter = 'name = "prod"'
        await ReceiverServiceStub(client.channel).ModifyReceiver(
            pb.ModifyReceiverRequest(receiver=receiver, update_mask=FieldMask(paths=["filter"])), timeout=WITHIN_S
        )
        await until(lambda: len(pager.kinds(lab.id)) > 1, WITHIN_S)

    assert pager.kinds(lab.id) == ["PROBLEM", "RESOLVED"]
    assert pager.kinds(prod.id) == ["PROBLEM"]


async def test_a_vim_whose_label_changes_comes_and_goes_with_the_group_that_it_had(client: Client) -> None:
    pager = Endpoint()
    await create_receiver(client.channel, filter="labels.region:*", group_by=["labels.region"])
    lab = await client.register(name="lab", labels={"region": "eu"})
    async with notifier_at(client.address, "one", {"pager": pager}):
        await client.report(lab, Vim.UNREACHABLE, 1, reason="TIMEOUT")
        await pager.until(1)
        for count, labels in ((1, {"region": "us"}), (2, {"tier": "1"}), (3, {"region": "us"})):
            request = vim_service_pb2.ModifyVimRequest(vim=Vim(id=lab.id, labels=labels))
            request.update_mask.paths.append("labels")
            await client.vims.ModifyVim(request, timeout=WITHIN_S)
            await pager.until(count)
        arrivals = [notification for _, notification in pager.arrivals]

    assert [(one.group, one.changes[0].kind, one.changes[0].reason) for one in arrivals] == [
        ({"labels.region": "eu"}, "PROBLEM", "TIMEOUT"),
        ({"labels.region": "eu"}, "RESOLVED", "FILTERED_OUT"),
        ({"labels.region": "us"}, "PROBLEM", "TIMEOUT"),
    ]


async def test_missed_changes_are_made_up_for(client: Client, store: SqlStore) -> None:
    pager = Endpoint()
    await create_receiver(client.channel)
    well, ill = await client.register(), await client.register()
    for observation in range(1, 6, 2):
        await client.report(well, Vim.UNREACHABLE, observation)
        await client.report(well, Vim.REACHABLE, observation + 1)
    await client.report(ill, Vim.UNREACHABLE, 1, reason="DNS")
    await store.compact(Retention(events=1), 1000)
    async with notifier_at(client.address, "one", {"pager": pager}) as notifier:
        await pager.until(1)

    assert notifier.statistics.missed_changes == 1
    assert pager.kinds(ill.id) == ["PROBLEM"]
    assert not pager.kinds(well.id)


async def test_nothing_is_sent_once_the_claim_has_ended(client: Client, store: SqlStore) -> None:
    pager = Endpoint()
    receiver = await create_receiver(client.channel)
    vim = await client.register()
    async with notifier_at(client.address, "one", {"pager": pager}) as notifier:
        pager.is_open.clear()
        await client.report(vim, Vim.UNREACHABLE, 1)
        await pager.until_tried(1)
        taken = update(receivers).where(receivers.c.id == receiver.id)
        taken = taken.values(claim=receivers.c.claim + 1, holder="another", claim_until=2**60)
        await store._database.write(lambda connection: connection.execute(taken))
        await until(lambda: pager.cancelled == 1, WITHIN_S)
        await until(lambda: notifier.statistics.receivers == 0, WITHIN_S)

    assert not pager.arrivals


async def until_recorded(client: Client, receiver_id: str, revision: int) -> None:
    async def is_recorded() -> bool:
        return (await get_receiver(client, receiver_id)).revision >= revision

    await eventually(is_recorded, WITHIN_S)
