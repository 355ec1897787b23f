"""What is read of a message, and what of a delivery reaches the AMQP library."""

from __future__ import annotations

import asyncio
import json
import math
import struct
from random import Random

import pytest
from pamqp import commands, frame
from pamqp.header import ContentHeader
from structlog.testing import capture_logs

from tests.fuzz.amqp_messages import odd_message, odd_properties
from tests.support.timing.waiting import until
from vimesh.bridge.amqp.broker import BrokerAway, broker_faults
from vimesh.bridge.amqp.content_filter import ContentFilter
from vimesh.bridge.calls.redeliveries import Redeliveries
from vimesh.bridge.messages.oslo_messages import (
    MAX_BODY_BYTES,
    MAX_CONTAINERS,
    MAX_TIMEOUT_S,
    Malformed,
    fingerprint,
    parse_call,
)
from vimesh.runtime.complaint_log import ComplaintLog

_METHOD, _HEADER, _BODY = 1, 2, 3
_DELIVER = commands.Basic.Deliver("tag", 7, True, "", "")


def inner(**fields: object) -> bytes:
    return json.dumps({"method": "update_vim", **fields}).encode()


@pytest.mark.parametrize(
    ("timeout", "read"),
    [
        (10, 10),
        (0.5, 0.5),
        (10**400, MAX_TIMEOUT_S),
        (1e308, MAX_TIMEOUT_S),
        (10**300, MAX_TIMEOUT_S),
        (-(10**400), None),
        (math.inf, None),
        (math.nan, None),
        (0, None),
        (True, None),
        ("10", None),
        ([10], None),
        (None, None),
    ],
)
def test_a_time_that_nobody_can_wait_is_none(timeout: object, read: float | None) -> None:
    assert parse_call(inner(_timeout=timeout), None, "").timeout_s == read


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b" " * (MAX_BODY_BYTES + 1), f"it has more than {MAX_BODY_BYTES} bytes"),
        (b"[" * (MAX_CONTAINERS + 1), f"it has more than {MAX_CONTAINERS} lists and objects"),
        (b"[" * MAX_CONTAINERS + b"]" * MAX_CONTAINERS, "it is not an object"),
        (b"[" + b"0," * 10_001, "it has more than 10000 values"),
        (b'{"_timeout": ' + b"9" * 5000 + b"}", "it is not JSON"),
        (b"\xff\x80", "it is not UTF-8"),
        (inner(_reply_q=7), "its _reply_q is not a string"),
        (inner(_reply_q="\ud800"), "its _reply_q is not valid Unicode"),
        (inner(_reply_q="é" * 128), "its _reply_q has more than 255 bytes"),
        (inner(_reply_q="amq.rabbitmq.reply-to.x"), "its _reply_q begins with amq.rabbitmq."),
        (inner(_msg_id="x" * 256), "its _msg_id has more than 255 bytes"),
    ],
)
def test_what_is_no_call_says_why_and_nothing_of_what_came(body: bytes, why: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_call(body, None, "")

    assert str(caught.value) == why


def test_words_that_are_no_words_match_nothing() -> None:
    call = parse_call(inner(method=7, version=1.0, namespace=[], args=[1]), None, "")

    assert (call.method, call.version, call.namespace) == ("<int>", "<float>", "<list>")
    assert call.arguments == {"args": [1]}


def test_whatever_comes_is_a_call_or_malformed() -> None:
    random = Random(11)
    for _ in range(2000):
        try:
            call = parse_call(odd_message(random).body, None, "")
        except Malformed:
            continue
        assert call.timeout_s is None or 0 < call.timeout_s <= MAX_TIMEOUT_S


def test_two_messages_have_one_fingerprint_only_if_they_are_the_same() -> None:
    assert fingerprint(inner(_msg_id="a"), "") == fingerprint(inner(_msg_id="a"), "")
    assert fingerprint(inner(_msg_id="a"), "") != fingerprint(inner(_msg_id="a", args={}), "")
    # Whoever learns of another's message must not be able to have it taken for a copy of his own.
    assert fingerprint(inner(_msg_id="a"), "a") != fingerprint(inner(_msg_id="a"), "b")


def delivered(
    properties: bytes, *bodies: bytes, size: int | None = None, limit: int = 10
) -> tuple[ContentHeader, bytes]:
    """Pass a delivery through a filter and the library's decoder."""
    content = ContentFilter(limit)
    content.filter_frame(_METHOD, 1, frame.marshal(_DELIVER, 1)[7:-1])
    length = sum(map(len, bodies)) if size is None else size
    header = frame.unmarshal(content.filter_frame(_HEADER, 1, struct.pack(">HHQ", 60, 0, length) + properties))[2]
    assert isinstance(header, ContentHeader)
    return header, b"".join(content.filter_frame(_BODY, 1, body)[7:-1] for body in bodies)


@pytest.mark.parametrize(
    ("properties", "expiration"),
    [
        (b"\0\0", None),
        (b"\1\0\00560000", "60000"),
        (b"\x3f\xec\0\0\0\0\2\5\1c\1d\00560000\1e" + b"\xff" * 8 + b"\1f\1g\1h", "60000"),
        (b"\1\0\2-1", None),
        (b"\1\0\3nan", None),
        (b"\1\0\x0b99999999999", None),
        (b"\1\0\xff60000", "60000"),
        (b"\1\1\00560000", None),
        (b"\x21\0\xff\xff\xff\xff\00560000", None),
        (b"\1\0", None),
    ],
)
def test_of_the_properties_only_a_sound_expiration_is_left(properties: bytes, expiration: str | None) -> None:
    header, _ = delivered(properties)

    left = {name: value for name, value in header.properties if value}
    assert left == ({"expiration": expiration} if expiration else {})


def test_whatever_the_properties_are_the_library_can_decode_them() -> None:
    random = Random(5)
    for _ in range(2000):
        properties = odd_properties(random)
        delivered(properties[: random.choice((len(properties), random.randrange(2, len(properties) + 1)))])


def test_a_body_that_is_too_long_is_cut_to_one_byte_more_than_allowed() -> None:
    header, body = delivered(b"\0\0", b"1234567", b"89", b"", b"012345", b"6", size=2**63)

    assert header.body_size == 11
    assert body == b"12345678901"


def test_what_is_no_delivery_passes_as_it_is() -> None:
    content = ContentFilter(10)
    returned = commands.Basic.Return(312, "NO_ROUTE", "", "reply")
    header = ContentHeader(body_size=20, properties=commands.Basic.Properties(message_id="m", delivery_mode=1))

    for sent in (returned, header):
        whole = frame.marshal(sent, 3)
        assert content.filter_frame(whole[0], 3, whole[7:-1]) == whole


def test_a_route_is_not_decoded() -> None:
    payload = frame.marshal(_DELIVER, 1)[7:-3] + b"\2\xff\xfe\2\xff\xfe"

    read = frame.unmarshal(ContentFilter(10).filter_frame(_METHOD, 1, payload))[2]

    assert isinstance(read, commands.Basic.Deliver)
    assert (read.consumer_tag, read.delivery_tag, read.redelivered, read.routing_key) == ("tag", 7, True, "")


@pytest.mark.parametrize("payload", [b"\0\x3c\0\x3c", b"\0\x3c\0\x3c\xfftag"])
def test_a_delivery_that_is_cut_off_is_an_error_of_the_connection(payload: bytes) -> None:
    with pytest.raises(ValueError, match="too short"):
        ContentFilter(10).filter_frame(_METHOD, 1, payload)


def test_a_message_that_comes_again_and_again_is_given_up() -> None:
    comebacks = Redeliveries(most=3, remembered=2)

    assert [comebacks.exceeds_limit(b"a") for _ in range(4)] == [False, False, False, True]
    assert not comebacks.exceeds_limit(b"b")
    assert not comebacks.exceeds_limit(b"c")
    assert not comebacks.exceeds_limit(b"a")  # forgotten


async def test_thousands_of_complaints_are_a_few_lines_and_a_number() -> None:
    with capture_logs() as lines:
        complaints = ComplaintLog("dropped", max_lines=3, period_s=0.01)
        for number in range(5000):
            complaints.add(number=number)
        await until(lambda: len(lines) == 4, 10)
        complaints.add(number=5000)

    assert [line.get("number") for line in lines] == [0, 1, 2, None, 5000]
    assert lines[3]["left_out"] == 4997
    await asyncio.sleep(0)


@pytest.mark.parametrize("raised", [Exception(), asyncio.CancelledError(), TimeoutError(), OSError(), RuntimeError()])
async def test_what_a_channel_that_closes_raises_means_that_the_broker_is_away(raised: BaseException) -> None:
    with pytest.raises(BrokerAway), broker_faults():
        raise raised


async def test_a_task_that_is_to_end_does_and_other_faults_pass() -> None:
    async def work() -> None:
        with broker_faults():
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ValueError, match="ours"), broker_faults():
        raise ValueError("ours")
