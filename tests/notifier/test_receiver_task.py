"""The work for one receiver while conductors do not renew its claim."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any
from uuid import uuid4

import grpc
import pytest

from tests.support.deployments.conductors import Client
from tests.support.notifier.running_notifier import Endpoint, EndpointSender, create_receiver
from tests.support.timing.waiting import eventually, until
from vimesh.domain.notifications.receiver_errors import ClaimLost
from vimesh.domain.notifications.receivers import ReceiverClaim
from vimesh.domain.retention import Retention
from vimesh.notifier.lease import ReceiverLease
from vimesh.notifier.link.conductor_link import ConductorLink
from vimesh.notifier.notifier_statistics import NotifierStatistics
from vimesh.notifier.receiver_task import ReceiverTask, Surroundings
from vimesh.notifier.senders.sender import SEND_LIMIT_S, SendRefused
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceStub
from vimesh.v1.vim_pb2 import Vim

WITHIN_S = 30.0
LOOKS_EVERY_S = 0.1


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def work_for(client: Client, endpoint: Endpoint | None, clock: Clock) -> ReceiverTask:
    """Claim the only receiver, until the clock has passed LOOKS_EVERY_S."""
    link = ConductorLink(client.channel, "one")
    (claimed,) = (await link.acquire([])).receivers
    assert claimed.receiver is not None
    lease = ReceiverLease(claimed, claimed.receiver, "one", LOOKS_EVERY_S, clock)

    def open_sender(_: object) -> EndpointSender:
        if endpoint is None:
            raise SendRefused("the rules of targets forbid it")
        return EndpointSender("one", endpoint)

    return ReceiverTask(lease, Surroundings(link, open_sender, NotifierStatistics(), clock, time.time, Random(1)))


async def test_a_send_is_given_up_when_the_claim_may_have_ended(client: Client) -> None:
    clock, pager = Clock(), Endpoint()
    pager.is_open.clear()
    await create_receiver(client.channel)
    vim = await client.register()
    task = asyncio.create_task((await work_for(client, pager, clock)).run())
    await client.report(vim, Vim.UNREACHABLE, 1)
    await pager.until_tried(1)

    clock.now = 1.0
    with pytest.raises(ClaimLost):
        await asyncio.wait_for(task, SEND_LIMIT_S / 2)

    assert pager.cancelled == 1
    assert not pager.arrivals


async def test_nothing_is_begun_with_a_claim_that_may_have_ended(client: Client) -> None:
    clock, pager = Clock(), Endpoint()
    await create_receiver(client.channel)
    work = await work_for(client, pager, clock)
    clock.now = 1.0

    with pytest.raises(ClaimLost):
        await asyncio.wait_for(work.run(), WITHIN_S)

    assert not pager.attempts


async def test_conductors_refuse_what_is_recorded_with_an_old_claim(client: Client) -> None:
    clock, pager = Clock(), Endpoint()
    receiver = await create_receiver(client.channel)
    vim = await client.register()
    work = await work_for(client, pager, clock)
    claim = ReceiverClaim(receiver.id, 1, 1)
    assert not (await ConductorLink(client.channel, "one").acquire([claim], [receiver.id])).receivers
    (new,) = (await ConductorLink(client.channel, "two").acquire([])).receivers
    await client.report(vim, Vim.UNREACHABLE, 1)

    with pytest.raises(ClaimLost):
        await asyncio.wait_for(work.run(), WITHIN_S)

    assert new.claim > 1
    assert not pager.attempts


class BusyConductors(grpc.aio.UnaryUnaryClientInterceptor):
    """Refuses every second look-up."""

    def __init__(self) -> None:
        self.calls = 0
        self.at_once = 0
        self.most_at_once = 0

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,  # noqa: ANN401 - a message
    ) -> Any:  # noqa: ANN401 - a call
        if "BatchGetVims" not in str(client_call_details.method):
            return await continuation(client_call_details, request)
        self.calls += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.calls % 2 == 0:
                nothing = grpc.aio.Metadata()
                raise grpc.aio.AioRpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, nothing, nothing, "busy")
            call = await continuation(client_call_details, request)
            await call
            return call
        finally:
            self.at_once -= 1


async def test_a_look_up_goes_on_where_it_was_refused_and_two_are_made_at_once(client: Client) -> None:
    clock, busy = Clock(), BusyConductors()
    await create_receiver(client.channel)
    async with grpc.aio.insecure_channel(client.address, interceptors=[busy]) as front:
        work = await work_for(replace(client, channel=front), Endpoint(), clock)
        ids = [str(uuid4()) for _ in range(1_200)]
        vim = await client.register()

        answers = await asyncio.wait_for(asyncio.gather(*(work._look_up([*ids, vim.id]) for _ in range(5))), WITHIN_S)

    assert [list(truths) for truths in answers] == [[vim.id]] * 5
    assert busy.calls in (29, 30)  # three of each, as many refusals
    assert busy.most_at_once == 2


async def test_all_vims_are_read_for_one_receiver_at_a_time(client: Client, store: SqlStore) -> None:
    clock, pager = Clock(), Endpoint()
    await create_receiver(client.channel)
    vim = await client.register()
    for observation in (1, 3):
        await client.report(vim, Vim.UNREACHABLE, observation)
        await client.report(vim, Vim.REACHABLE, observation + 1)
    await client.report(vim, Vim.UNREACHABLE, 5)
    await store.compact(Retention(events=1), 1000)
    work = await work_for(client, pager, clock)
    around = work._around
    await around.snapshots.acquire()  # as the work for another receiver does
    task = asyncio.create_task(work.run())

    await until(lambda: around.statistics.missed_changes == 1, WITHIN_S)
    assert around.snapshots.locked()
    assert not work.pending_count
    around.snapshots.release()
    (told,) = await pager.until(1)

    assert [change.vim_id for change in told.changes] == [vim.id]
    clock.now = 1.0
    with pytest.raises(ClaimLost):
        await asyncio.wait_for(task, WITHIN_S)


async def test_a_target_that_cannot_be_used_makes_notifications_dead(client: Client) -> None:
    clock = Clock()
    receiver = await create_receiver(client.channel)
    vim = await client.register()
    task = asyncio.create_task((await work_for(client, None, clock)).run())
    await client.report(vim, Vim.UNREACHABLE, 1)

    async def is_dead() -> bool:
        request = pb.GetReceiverRequest(receiver_id=receiver.id)
        shown = (await ReceiverServiceStub(client.channel).GetReceiver(request, timeout=WITHIN_S)).receiver
        return shown.dead_count == 1 and "rules of targets" in shown.last_error

    await eventually(is_dead, WITHIN_S)
    clock.now = 1.0
    with pytest.raises(ClaimLost):
        await asyncio.wait_for(task, WITHIN_S)
