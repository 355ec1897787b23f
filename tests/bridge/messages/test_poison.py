"""Messages that no sane caller sends: none of them keeps a place, ends the connection or comes again."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator
from random import Random
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.bridge.bridges import Bridge, nothing_left
from tests.bridge.site import PATIENCE_S, Site
from tests.fuzz.amqp_messages import odd_message
from tests.support.amqp.raw_publisher import RawPublisher, Refused, raw_publisher
from tests.support.timing.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

_CONCURRENCY = 20
"""So many messages that keep their places stop the bridge."""
_HUGE = 10**400


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge(site: Site) -> AsyncGenerator[Bridge]:
    async with site.bridge("--concurrency", str(_CONCURRENCY)) as running:
        yield running


def call(**changes: object) -> dict[str, object]:
    arguments = {"vim_id": str(uuid4()), "status": "REACHABLE", "action_id": "a"}
    return {"method": "update_vim", "args": arguments, "version": "1.0"} | changes


def wrapped(inner: object) -> bytes:
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}).encode()


def deep(levels: int) -> bytes:
    return b'{"args": ' + b"[" * levels + b"]" * levels + b"}"


def answered_to(queue: object) -> dict[str, object]:
    return call(_msg_id=uuid4().hex, _reply_q=queue)


_DIGITS = json.dumps(call())[:-1].encode() + b', "_timeout": ' + b"9" * 5000 + b"}"

BODIES = {
    "a time-out that no float can hold": wrapped(call(_timeout=_HUGE)),
    "a negative one": wrapped(call(_timeout=-_HUGE)),
    "more digits than are read": _DIGITS,
    "not a number": wrapped(call(_timeout=float("nan"))),
    "infinity": wrapped(call(_timeout=float("inf"))),
    "no time at all": wrapped(call(_timeout=5e-324)),
    "a time-out in words": wrapped(call(_timeout="10")),
    "deep": deep(100_000),
    "just not too deep for Python": deep(950),
    "deep in the envelope": b'{"oslo.version": %s, "oslo.message": "{}"}' % (b"[" * 900 + b"]" * 900),
    "an envelope of a huge version": b'{"oslo.version": %s, "oslo.message": "{}"}' % (b"2" * 4000),
    "deep arguments": wrapped(call(args={"vim_id": json.loads(deep(400))})),
    "surrogates": wrapped(call(args={"vim_id": "\ud800", "status": "\udfff", "action_id": "\ud800"})),
    "surrogates for names": wrapped(call(method="\ud800", args={"\ud800": 1})),
    "zeros": wrapped(call(args={"vim_id": "\0", "status": "\0", "action_id": "\0"})),
    "an id that is an object": wrapped(call(args={"vim_id": {}, "status": [], "action_id": 7})),
    "a version that is too long for a number": wrapped(call(version="9" * 5000)),
    "a method that is a number": wrapped(call(method=7, namespace=[], version=1.0)),
    "a thousand arguments": wrapped(call(args={f"name-{number}": None for number in range(1000)})),
    "a long queue to answer to": wrapped(answered_to("q" * 10_000)),
    "a queue of surrogates": wrapped(answered_to("\ud800")),
    "a queue that is no text": wrapped(answered_to([])),
    "a queue with zeros": wrapped(answered_to("\0\0")),
    "a long queue in other letters": wrapped(answered_to("é" * 200)),
    "the queue of the broker's own replies": wrapped(answered_to("amq.rabbitmq.reply-to")),
    "a queue like one of the broker's own": wrapped(answered_to("amq.rabbitmq.reply-to.g2dkAA.x")),
    "the queue of the calls": wrapped(answered_to("TACKER_CONDUCTOR")),
    "an id of a megabyte": wrapped(answered_to("q") | {"_msg_id": "x" * 2**20}),
    "the same key twice": b'{"method": 1, "method": "update_vim", "args": {}, "args": 7}',
    "another coding": "{}".encode("utf-16"),
    "endless": b"[" + b"0," * 2**20,
    "many values": b"[" + b"0," * 20_000 + b"0]",
}

_TABLE_OF_BAD_TIME = b"\0\0\0\x0b\1aT" + b"\xff" * 8


def _nested_table(levels: int) -> bytes:
    table = b"\0\0\0\0"
    for _ in range(levels):
        content = b"\1aF" + table
        table = len(content).to_bytes(4, "big") + content
    return table


PROPERTIES = {
    "a time that no clock shows": b"\x00\x40" + b"\xff" * 8,
    "a time of the year 100,000": b"\x00\x40" + (3 * 10**15).to_bytes(8, "big"),
    "no UTF-8": b"\x80\x00" + b"\x02\xff\xfe",
    "a long correlation id": b"\x04\x00" + b"\xff" + b"\xff" * 255,
    "the highest priority": b"\x08\x00\xff",
    "a bad time in the headers": b"\x20\x00" + _TABLE_OF_BAD_TIME,
    "headers nested deeply": b"\x20\x00" + _nested_table(3000),
    "headers that are no UTF-8": b"\x20\x00\0\0\0\3\1\xffV",
    "everything": b"\xff\xec\1a\1b\0\0\0\0\2\5\1c\1d\00560000\1e" + b"\xff" * 8 + b"\1f\1g\1h",
}


@pytest.fixture(autouse=True)
def connection_lasts(bridge: Bridge) -> Generator[None]:
    losses = bridge.said("broker lost")
    yield
    assert bridge.said("broker lost") == losses


async def healthy(site: Site) -> None:
    called = await site.old.call(vim_id=str(uuid4()), status="REACHABLE", action_id="a")
    assert called.get("answer") == "bad_action", called
    assert called["after_s"] < PATIENCE_S


async def publish(site: Site, body: bytes, properties: bytes = b"\0\0", *, routing_key: bytes | None = None) -> None:
    """Publish it more often than there are places."""
    async with raw_publisher(site.broker.url) as publisher:
        for _ in range(_CONCURRENCY + 1):
            if routing_key is None:
                await publisher.publish(body, properties)
            else:
                await publisher.publish(body, properties, exchange="", routing_key=routing_key)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_that_makes_no_sense_keeps_no_place(site: Site, body: bytes) -> None:
    await publish(site, body)

    await healthy(site)


@pytest.mark.parametrize("properties", PROPERTIES.values(), ids=PROPERTIES)
async def test_properties_that_cannot_be_decoded_harm_nobody(site: Site, properties: bytes) -> None:
    await publish(site, wrapped(call()), properties)

    await healthy(site)


async def test_a_route_that_is_no_text_harms_nobody(site: Site) -> None:
    copied_to_the_calls = b"\2CCA" + _sized(b"S" + _sized(b"TACKER_CONDUCTOR"))

    await publish(site, wrapped(call()), b"\x20\x00" + _sized(copied_to_the_calls), routing_key=b"\xff\xfe")

    await healthy(site)


async def test_whatever_is_made_up_harms_nobody(site: Site) -> None:
    random = Random(7)
    taken = 0
    for _ in range(50):
        async with raw_publisher(site.broker.url) as publisher:
            taken += await _publish_until_refused(publisher, random)

    await healthy(site)
    assert taken > 400


async def _publish_until_refused(publisher: RawPublisher, random: Random) -> int:
    for number in range(20):
        message = odd_message(random)
        try:
            await publisher.publish(message.body, message.properties)
        except Refused:
            return number
    return 20


async def test_nothing_of_it_is_left_also_for_a_bridge_that_comes_back(site: Site, bridge: Bridge) -> None:
    await publish(site, BODIES["a time-out that no float can hold"])
    await healthy(site)
    await eventually(lambda: nothing_left(site.broker), PATIENCE_S)

    await bridge.kill()
    await bridge.start()
    await healthy(site)


def _sized(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content
