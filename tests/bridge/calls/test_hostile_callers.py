"""Callers that mean harm: with the ids of others, queues that nobody reads, and queues that are not what they seem."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel, AbstractQueue

from tests.bridge.bridges import Bridge, nothing_left
from tests.bridge.site import PATIENCE_S, Site, Vim
from tests.support.timing.waiting import eventually, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

_CONCURRENCY = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge(site: Site) -> AsyncGenerator[Bridge]:
    async with site.bridge("--concurrency", str(_CONCURRENCY)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def channel(site: Site) -> AsyncGenerator[AbstractChannel]:
    async with channel_to(site) as opened:
        yield opened


@asynccontextmanager
async def channel_to(site: Site) -> AsyncGenerator[AbstractChannel]:
    url = site.broker.url.replace("rabbit://", "amqp://")
    async with await aio_pika.connect(url) as connection, connection.channel() as opened:
        yield opened


def ids(queue: str = "", msg_id: str = "") -> dict[str, object]:
    return {"_msg_id": msg_id or uuid4().hex, "_unique_id": msg_id or uuid4().hex, "_reply_q": queue}


async def call(channel: AbstractChannel, sender: dict[str, object], **arguments: str) -> None:
    inner = {"method": "update_vim", "args": arguments, "version": "1.0", **sender}
    body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}).encode()
    exchange = await channel.get_exchange("tacker", ensure=False)
    await exchange.publish(aio_pika.Message(body), routing_key="TACKER_CONDUCTOR")


async def answer(queue: AbstractQueue) -> object:
    async with asyncio.timeout(PATIENCE_S), queue.iterator() as answers:
        async for message in answers:
            await message.ack()
            read: dict[str, object] = json.loads(json.loads(message.body)["oslo.message"])
            return read["result"] or read["failure"]
    raise AssertionError("unreachable")


async def healthy(site: Site, within_s: float = PATIENCE_S) -> None:
    called = await site.old.call(vim_id=str(uuid4()), status="REACHABLE", action_id="a")
    assert called.get("answer") == "bad_action", called
    assert called["after_s"] < within_s


async def test_a_call_with_the_id_of_another_swallows_neither(site: Site, channel: AbstractChannel) -> None:
    vim = await site.register()
    mine, others = [await channel.declare_queue(exclusive=True) for _ in range(2)]
    shared = uuid4().hex
    await call(channel, ids(mine.name, shared), vim_id=vim.id, status="REACHABLE")
    await site.until(vim, Vim.REACHABLE)  # its answer is held

    for _ in range(_CONCURRENCY + 1):
        await call(channel, ids(others.name, shared), vim_id=str(uuid4()), status="REACHABLE", action_id="a")

        assert await answer(others) == "bad_action"
    assert await answer(mine) == "PENDING"
    await healthy(site)


async def test_the_same_message_many_times_at_once_is_done_with_once_it_is_served(
    site: Site, channel: AbstractChannel
) -> None:
    vim = await site.register()
    mine = await channel.declare_queue(exclusive=True)
    sender = ids(mine.name)

    for _ in range(_CONCURRENCY):
        await call(channel, sender, vim_id=vim.id, status="REACHABLE")

    assert await answer(mine) == "PENDING"
    await healthy(site)
    await eventually(lambda: nothing_left(site.broker), PATIENCE_S)


async def test_answers_that_nobody_takes_keep_no_place(site: Site, channel: AbstractChannel) -> None:
    for _ in range(3 * _CONCURRENCY):
        await call(channel, ids("reply_nobody"), vim_id=str(uuid4()), status="REACHABLE", action_id="a")

    await healthy(site, within_s=10)


async def test_an_answer_waits_for_a_queue_that_comes_back(bridge: Bridge, channel: AbstractChannel) -> None:
    name = f"reply_{uuid4().hex}"
    served = bridge.said("call failed")
    await call(channel, ids(name), vim_id="no-uuid", status="REACHABLE", action_id="a")
    await until(lambda: bridge.said("call failed") > served, PATIENCE_S)

    mine = await channel.declare_queue(name, exclusive=True)

    assert "BadReport" in str(await answer(mine))


async def test_a_reply_queue_that_is_full_keeps_no_place(site: Site, channel: AbstractChannel) -> None:
    full = {"x-max-length": 0, "x-overflow": "reject-publish"}
    queue = await channel.declare_queue(exclusive=True, arguments=full)  # type: ignore[arg-type]  # a table of AMQP

    for _ in range(3 * _CONCURRENCY):
        await call(channel, ids(queue.name), vim_id=str(uuid4()), status="REACHABLE", action_id="a")

    await healthy(site, within_s=10)


async def test_a_kill_queue_of_another_kind_costs_nobody_the_connection(
    site: Site, bridge: Bridge, channel: AbstractChannel
) -> None:
    losses = bridge.said("broker lost")
    vim_id = str(uuid4())
    quorum = await channel.declare_queue(f"KILL_ACTION.{vim_id}", durable=True, arguments={"x-queue-type": "quorum"})

    called = await site.old.call(vim_id=vim_id, status="REACHABLE")

    assert called["error"] == "NotWanted", called
    assert bridge.said("broker lost") == losses

    async def gone() -> bool:
        async with channel_to(site) as other:
            try:
                await other.declare_queue(quorum.name, passive=True)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                return True
        return False

    await eventually(gone, PATIENCE_S)


async def test_a_kill_queue_of_somebody_else_ends_the_call_at_once(
    site: Site, bridge: Bridge, channel: AbstractChannel
) -> None:
    vim_id = str(uuid4())
    await channel.declare_queue(f"KILL_ACTION.{vim_id}", exclusive=True)

    called = await site.old.call(vim_id=vim_id, status="REACHABLE")

    assert called["error"] == "NotWanted", called
    assert bridge.said("a kill queue cannot be used") == 1
