"""Sends odd AMQP messages to the queue of calls of a real broker, from which a real bridge consumes them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Final

import aio_pika

from tests.fuzz.amqp_messages import odd_message
from tests.fuzz.doors.door import Door
from tests.fuzz.doors.known_vims import BYSTANDER_ID
from tests.fuzz.doors.verdicts import Reply
from tests.support.amqp.raw_publisher import Refused, raw_publisher

_ANSWER_S: Final = 20.0
_LENGTH_BYTES: Final = 2
_NO_PROPERTIES: Final = b"\0\0"


class AmqpDoor(Door):
    """An input is the length of its properties, the properties, and the body."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop, caller: Caller) -> None:
        self._url = url
        self._loop = loop
        self._caller = caller

    @property
    def kinds(self) -> Sequence[str]:
        return ("call",)

    def good(self, kind: str) -> Sequence[bytes]:  # noqa: ARG002 - there is one
        return [_joined(_NO_PROPERTIES, good_call("", ""))]

    def make(self, random: Random, kind: str) -> bytes:  # noqa: ARG002 - there is one
        made = odd_message(random)
        return _joined(made.properties, made.body)

    def allowed_cpu_s(self, data: bytes) -> float:  # noqa: ARG002 - the same for all
        return 0.2

    def send(self, kind: str, data: bytes) -> Reply:  # noqa: ARG002 - there is one
        return self._loop.run_until_complete(self._send(data))

    async def _send(self, data: bytes) -> Reply:
        begin = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "big")
        try:
            async with raw_publisher(self._url) as publisher:
                await publisher.publish(data[begin:], data[_LENGTH_BYTES:begin])
            code = "taken"
        except Refused:
            code = "refused"  # refused by the broker: the bridge never sees it
        try:
            return Reply(code, await self._caller.complaint())
        except TimeoutError:
            return Reply(code, f"the bridge answers nobody within {_ANSWER_S:g} s")


class Caller:
    """Calls as old actions do, and waits for the answer."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel, queue: aio_pika.abc.AbstractQueue) -> None:
        self._channel = channel
        self._queue = queue
        self._answers: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def listen(self) -> None:
        await self._queue.consume(self._take)

    async def complaint(self) -> str:
        """Return what is wrong with an answer; empty if nothing is. Raises TimeoutError."""
        call_id = uuid.uuid4().hex
        exchange = await self._channel.get_exchange("tacker", ensure=False)
        body = good_call(call_id, self._queue.name)
        await exchange.publish(aio_pika.Message(body), routing_key="TACKER_CONDUCTOR")
        async with asyncio.timeout(_ANSWER_S):
            while (answer := await self._answers.get())["_msg_id"] != call_id:
                continue
        return "" if answer.get("failure") is None else f"a good call fails: {answer['failure']}"[:300]

    async def _take(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await message.ack()
        inner = json.loads(json.loads(message.body)["oslo.message"])
        assert isinstance(inner, dict)
        self._answers.put_nowait(inner)


def good_call(call_id: str, reply_to: str) -> bytes:
    arguments = {"vim_id": BYSTANDER_ID, "status": "REACHABLE", "action_id": "none"}
    call = {
        "method": "update_vim",
        "args": arguments,
        "version": "1.0",
        "_msg_id": call_id,
        "_reply_q": reply_to,
        "_timeout": 60,
    }
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(call)}).encode()


def _joined(properties: bytes, body: bytes) -> bytes:
    return len(properties).to_bytes(_LENGTH_BYTES, "big") + properties + body


async def _connected(url: str) -> tuple[aio_pika.abc.AbstractConnection, Caller]:
    connection = await aio_pika.connect(url.replace("rabbit:", "amqp:", 1))
    channel = await connection.channel()
    caller = Caller(channel, await channel.declare_queue(f"reply_{uuid.uuid4().hex}", auto_delete=True))
    await caller.listen()
    return connection, caller


@contextmanager
def amqp_door(url: str) -> Generator[AmqpDoor]:
    """Connect to the broker, in this thread's own loop."""
    loop = asyncio.new_event_loop()
    try:
        connection, caller = loop.run_until_complete(_connected(url))
        yield AmqpDoor(url, loop, caller)
        loop.run_until_complete(connection.close())
    finally:
        loop.close()
