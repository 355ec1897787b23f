"""What a broker does not grant: the log has its words and what to set, and whatever can go on goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from random import Random
from typing import Never

import pytest
import pytest_asyncio
from aio_pika import Message
from aio_pika.abc import AbstractConnection
from structlog.testing import capture_logs

from tests.bridge.direct import at, clear, declare, dial, questions
from tests.support.amqp.amqp_tap import tapped
from tests.support.amqp.broker_definitions import User, definitions
from tests.support.amqp.brokers import Broker, running_broker
from vimesh.bridge.amqp.broker import Broker as Calls
from vimesh.bridge.amqp.broker import BrokerAway, BrokerLimits
from vimesh.bridge.amqp.calls_queue import delete_calls_queue
from vimesh.bridge.amqp.declare_queues import QueueDeclarer
from vimesh.bridge.amqp.dialer import Dialer
from vimesh.bridge.amqp.rpc_queues import read_usage
from vimesh.bridge.calls.reply_sender import ReplySender
from vimesh.bridge.config.topology import Topology
from vimesh.bridge.config.transport_url import Node
from vimesh.runtime.task_crew import crew

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_CALLS = "TACKER_CONDUCTOR"
_LIMITED = User("limited", "p", configure="^$")
_MUTE = User("mute", "p", configure="^$", write="^(?!amq.default$).*$")
"""May not write to the exchange that leads to the queues of callers."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Broker]:
    folder = tmp_path_factory.mktemp("rabbit")
    async with running_broker(folder, definitions(folder, [_LIMITED, _MUTE])) as broker:
        yield broker


@pytest_asyncio.fixture(loop_scope="module")
async def url(broker: Broker) -> AsyncGenerator[str]:
    """Give the URL of a broker where nothing is declared, without a query."""
    yield broker.url
    await clear(at(broker.url))


async def test_each_reason_is_told_once_while_the_broker_is_lost() -> None:
    reasons = ["Connection refused", "403 ACCESS_REFUSED", "Connection refused", "403 ACCESS_REFUSED"]
    tried = asyncio.Event()

    async def dial(_node: Node) -> Never:
        if reasons:
            raise BrokerAway(reasons.pop(0))
        tried.set()
        raise BrokerAway("403 ACCESS_REFUSED")

    limits = BrokerLimits(first_pause_s=0.001, longest_pause_s=0.001)
    calls = Calls([Node("127.0.0.1")], dial, random=Random(1), limits=limits)
    with capture_logs() as lines:
        async with crew() as workers:
            workers.start(calls.run(_no_work))
            await asyncio.wait_for(tried.wait(), 30)

    assert [(line["event"], line["why"]) for line in lines] == [
        ("broker lost: calls and kills wait", "Connection refused"),
        ("the broker still cannot be used, for another reason", "403 ACCESS_REFUSED"),
    ]


async def test_a_login_that_is_refused_is_told_without_the_password(broker: Broker) -> None:
    with pytest.raises(BrokerAway) as away:
        await dial(at(f"rabbit://guest:wrong-one@127.0.0.1:{broker.port}/"))

    assert away.value.why.startswith("403 ACCESS_REFUSED - Login was refused")
    assert away.value.why.endswith(
        "transport_url has user name and password; rabbit_login_method sets how they are sent"
    )
    assert "wrong-one" not in away.value.why


async def test_a_login_method_that_is_not_offered_is_told_with_those_that_are(broker: Broker) -> None:
    with pytest.raises(BrokerAway) as away:
        await dial(at(f"{broker.url}?rabbit_login_method=EXTERNAL"))

    assert away.value.why == "the broker offers other login methods: PLAIN AMQPLAIN; set rabbit_login_method"


@pytest.mark.parametrize(
    ("theirs", "ours", "says", "hint"),
    [
        ("", "?amqp_durable_queues=true", "inequivalent arg 'durable' for exchange 'tacker'", "amqp_durable_queues"),
        ("?amqp_durable_queues=true", "", "inequivalent arg 'durable' for exchange 'tacker'", "amqp_durable_queues"),
        (
            "?rabbit_quorum_queue=true",
            "?amqp_durable_queues=true",
            f"inequivalent arg 'x-queue-type' for queue '{_CALLS}'",
            "rabbit_quorum_queue",
        ),
        (
            "?rabbit_quorum_queue=true",
            "?rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=7",
            f"inequivalent arg 'x-delivery-limit' for queue '{_CALLS}'",
            "rabbit_quorum_delivery_limit",
        ),
    ],
    ids=["not-durable", "durable", "quorum", "limit"],
)
async def test_what_others_declared_otherwise_is_used_and_told(
    url: str, theirs: str, ours: str, says: str, hint: str
) -> None:
    await declare(at(url + theirs))
    with capture_logs() as lines:
        declared = await declare(at(url + ours))

    assert not declared.is_ours
    assert any(f"PRECONDITION_FAILED - {says}" in line["why"] and hint in line["hint"] for line in lines)


async def test_one_connection_is_enough_for_what_others_declared(url: str) -> None:
    await declare(at(url))
    what = at(f"{url}?rabbit_quorum_queue=true")
    async with questions(what) as asked:
        with capture_logs() as lines:
            declaring = QueueDeclarer(what.topology, asked)
            for _ in range(3):
                await declaring.declare()

    assert len(asked.opened) == 1
    assert len(lines) == 2  # exchange and queue, each once


async def test_who_may_not_configure_uses_what_is_there(broker: Broker, url: str) -> None:
    limited = _url(broker, _LIMITED)
    with pytest.raises(BrokerAway) as away:
        await declare(at(limited))
    await declare(at(url))

    declared = await declare(at(limited))

    assert not declared.is_ours
    assert "ACCESS_REFUSED - " in away.value.why
    assert f"access to queue '{_CALLS}'" in away.value.why
    assert away.value.why.endswith(
        "the user needs the right to configure, write and read it: rabbitmqctl set_permissions"
    )


async def test_what_no_broker_can_make_is_told(url: str) -> None:
    what = at(url)
    async with questions(what) as asked:
        with pytest.raises(BrokerAway) as away:
            await QueueDeclarer(Topology(arguments={"x-queue-type": "quorum"}), asked).declare()

    assert away.value.why.startswith("PRECONDITION_FAILED - invalid property 'non-durable' for queue")


async def test_a_queue_that_somebody_holds_is_told(url: str) -> None:
    holder = await dial(at(url))
    async with holder, holder.channel() as channel:
        await channel.declare_queue(_CALLS, exclusive=True)
        with pytest.raises(BrokerAway) as away:
            await declare(at(url))

    assert "RESOURCE_LOCKED - cannot obtain exclusive access" in away.value.why
    assert away.value.why.endswith("another connection uses it exclusively: close that one, or delete the queue")


@pytest.mark.parametrize("options", ["?rabbit_quorum_queue=true", "?amqp_durable_queues=true", ""])
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
async def test_a_queue_is_cleared_away_without_what_costs_the_connection(
    broker: Broker, url: str, options: str, *, ours: bool
) -> None:
    await declare(at(url + options))
    async with tapped(broker.port) as tap:
        what = at(f"rabbit://guest:guest@127.0.0.1:{tap.port}/{options}")
        async with questions(what) as asked:
            declared = await QueueDeclarer(what.topology if ours else Topology(auto_delete=True), asked).declare()
            await delete_calls_queue(asked, declared)

    (deleted,) = tap.deleted
    assert len(asked.opened) == 1
    assert deleted.if_unused == deleted.if_empty == (ours and "quorum" not in options)
    assert not await _is_there(url)


@pytest.mark.parametrize("options", ["?rabbit_quorum_queue=true", ""])
async def test_a_queue_that_holds_a_call_stays(url: str, options: str) -> None:
    what = at(url + options)
    async with questions(what) as asked:
        declared = await QueueDeclarer(what.topology, asked).declare()
        connection = await asked.connection(1)
        async with connection.channel() as channel:
            await channel.default_exchange.publish(Message(b"call"), routing_key=_CALLS)
        await delete_calls_queue(asked, declared)

    assert await _is_there(url)


async def test_an_answer_that_may_not_be_published_is_told(broker: Broker) -> None:
    what, limits = at(_url(broker, _MUTE)), BrokerLimits()
    source = Calls(what.transport.nodes, Dialer(what, limits).dial, random=Random(1), limits=limits)

    async with crew() as workers:
        workers.start(source.run(_no_work))
        with capture_logs() as lines:
            await ReplySender(source, workers, random=Random(1)).send("reply_1", b"{}", 1.0)

    (line, *_) = [line for line in lines if line["event"] == "the broker refuses an answer: trying again"]
    assert "ACCESS_REFUSED - " in line["why"]
    assert "access to exchange 'amq.default'" in line["why"]
    assert "rabbitmqctl set_permissions" in line["why"]


async def _no_work(connection: AbstractConnection, at_work: Callable[[], None]) -> None:
    at_work()
    await connection.closed()


async def _is_there(url: str) -> bool:
    async with questions(at(url)) as asked:
        return await read_usage(await asked.connection(1), _CALLS, 10) is not None


def _url(broker: Broker, user: User) -> str:
    return f"rabbit://{user.name}:{user.password}@127.0.0.1:{broker.port}/"
