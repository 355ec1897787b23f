"""Questions cost no call: what ends the connection that they come by leaves the one of the calls as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from random import Random
from urllib.parse import quote

import pytest
import pytest_asyncio
from aio_pika.abc import AbstractConnection

from tests.bridge.direct import at, clear, declare, questions
from tests.support.amqp.broker_definitions import definitions
from tests.support.amqp.brokers import Broker as Node
from tests.support.amqp.brokers import running_broker
from tests.support.clouds.targets import free_port
from tests.support.timing.waiting import eventually
from vimesh.bridge.amqp.broker import Broker, BrokerAway, BrokerLimits, broker_faults
from vimesh.bridge.amqp.broker_enquiries import BrokerEnquiries
from vimesh.bridge.amqp.dialer import Dialer
from vimesh.bridge.amqp.rpc_queues import delete_if_idle, read_usage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_CALLS = "TACKER_CONDUCTOR"
_ODD_NAME = "sp a/c#e?é@x,%"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Node]:
    folder = tmp_path_factory.mktemp("rabbit")
    async with running_broker(folder, definitions(folder, virtual_hosts=[_ODD_NAME])) as node:
        yield node


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[tuple[Broker, BrokerEnquiries]]:
    """Hold a connection for calls, and be ready for questions."""
    what, limits = at(url), BrokerLimits()
    dial = Dialer(what, limits).dial
    broker = Broker(what.transport.nodes, dial, random=Random(1), limits=limits)
    enquiries = BrokerEnquiries(broker, dial)

    async def work(connection: AbstractConnection, at_work: Callable[[], None]) -> None:
        at_work()
        await connection.closed()

    running = asyncio.create_task(broker.run(work))
    try:
        yield broker, enquiries
    finally:
        await enquiries.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_question_that_ends_its_connection_leaves_that_of_the_calls(node: Node) -> None:
    await declare(at(f"{node.url}?rabbit_quorum_queue=true"))
    try:
        async with connected(node.url) as (broker, enquiries):
            calls, questions = await broker.connection(10), await enquiries.connection(10)

            with pytest.raises(BrokerAway), broker_faults():
                # What no quorum queue can do, and no bridge asks of one.
                await delete_if_idle(questions, _CALLS, 10)
            later = await enquiries.connection(10)

            assert questions.close_reason is not None
            assert questions.close_reason.text.startswith("NOT_IMPLEMENTED - cannot delete queue")
            assert later is not questions
            assert await read_usage(later, _CALLS, 10) is not None
            assert await broker.connection(10) is calls
            assert not calls.is_closed
    finally:
        await clear(at(node.url))


async def test_questions_share_a_connection(node: Node) -> None:
    async with connected(node.url) as (broker, enquiries):
        opened = await asyncio.gather(*(enquiries.connection(10) for _ in range(20)))

        assert len(set(opened)) == 1
        assert opened[0] is not await broker.connection(10)
        assert await asyncio.gather(*(read_usage(each, "none", 10) for each in opened)) == [None] * 20


async def test_questions_move_when_the_calls_have_moved(node: Node) -> None:
    async with connected(node.url) as (broker, enquiries):
        before, questions = await broker.connection(10), await enquiries.connection(10)
        await before.close()

        async def moved() -> bool:
            return await broker.connection(10) is not before

        await eventually(moved, 10)

        assert await enquiries.connection(10) is not questions
        assert questions.is_closed


async def test_the_next_host_is_tried_and_asked(node: Node) -> None:
    url = node.url.replace("rabbit://", f"rabbit://guest:guest@127.0.0.1:{free_port()},")
    async with connected(url) as (broker, enquiries):
        assert await read_usage(await enquiries.connection(10), "none", 10) is None
        assert broker.node.port == node.port


async def test_a_virtual_host_may_have_any_name(node: Node) -> None:
    what = at(f"{node.url}{quote(_ODD_NAME, safe='')}")

    declared = await declare(what)

    assert declared.is_ours
    async with questions(what) as asked, await asked.connection(10) as connection:
        assert connection.url.path == f"/{_ODD_NAME}"
        assert await read_usage(connection, _CALLS, 10) is not None
