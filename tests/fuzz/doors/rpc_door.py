"""Sends mutated gRPC messages to every RPC, at a conductor and, for a share of them, through Envoy."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from tests.fuzz.doors.door import Door
from tests.fuzz.doors.full_messages import full_messages
from tests.fuzz.doors.known_vims import with_names
from tests.fuzz.doors.methods import Method, methods
from tests.fuzz.doors.site import Site
from tests.fuzz.doors.tree_changes import odd_message
from tests.fuzz.doors.verdicts import Reply, of_failure
from tests.fuzz.doors.wire import tree_of

_CALL_S = 20.0
_MOST_ANSWERS = 4
_FRONT_SHARE = 8
"""One in this many inputs goes through Envoy: the input itself decides, so that it goes there again."""


class RpcDoor(Door):
    def __init__(self, conductor: grpc.Channel, front: grpc.Channel, health: grpc.Channel) -> None:
        self._conductor = conductor
        self._front = front
        self._health = health
        self._methods = methods()

    @property
    def kinds(self) -> Sequence[str]:
        # Methods that fill the database come last: they make every list longer.
        return sorted(self._methods, key=lambda name: name.startswith("Register"))

    def make(self, random: Random, kind: str) -> bytes:
        good = self._methods[kind].good
        others = [each.SerializeToString() for each in good]
        return odd_message(random, tree_of(random.choice(good)), others)

    def good(self, kind: str) -> Sequence[bytes]:
        method = self._methods[kind]
        return [each.SerializeToString() for each in (*method.good, *full_messages(kind))]

    def send(self, kind: str, data: bytes) -> Reply:
        method = self._methods[kind]
        ask = _stream if method.streams else _call
        try:
            return ask(self._way(method, data), method, with_names(data))
        except grpc.RpcError as error:
            return of_failure(error, ours=method.ours)
        except DecodeError:
            return Reply("unreadable", "the answer cannot be read")

    def allowed_cpu_s(self, data: bytes) -> float:  # noqa: ARG002 - the same for all
        return 0.2

    def _way(self, method: Method, data: bytes) -> grpc.Channel:
        choice = sum(data[-64:]) % _FRONT_SHARE
        if method.of_health_port and choice % 2:
            return self._health
        return self._front if not choice else self._conductor


def _call(channel: grpc.Channel, method: Method, data: bytes) -> Reply:
    call: Any = channel.unary_unary(method.path, request_serializer=None, response_deserializer=None)
    method.answer(call(data, timeout=_CALL_S))
    return Reply("OK")


def _stream(channel: grpc.Channel, method: Method, data: bytes) -> Reply:
    """Read a stream until it waits, ends, or has sent enough."""
    stream = _opened(channel, method, data)
    answers = 1
    try:
        for answers, answer in enumerate(stream, 1):
            if _stands(method.answer(answer)) or answers > _MOST_ANSWERS:
                break
    finally:
        stream.cancel()
    return Reply("OK", answers=answers)


def _opened(channel: grpc.Channel, method: Method, data: bytes) -> Any:  # noqa: ANN401 - an iterator that can be cancelled
    if method.streams_requests:
        exchange: Any = channel.stream_stream(method.path, request_serializer=None, response_deserializer=None)
        return exchange(iter([data]), timeout=_CALL_S)
    stream: Any = channel.unary_stream(method.path, request_serializer=None, response_deserializer=None)
    return stream(data, timeout=_CALL_S)


def _stands(answer: Any) -> bool:  # noqa: ANN401 - any message
    """Return whether a stream has sent everything there is, and now waits for news."""
    fields = answer.DESCRIPTOR.fields_by_name
    return bool(answer.revision) if "revision" in fields else True


@contextmanager
def rpc_door(site: Site) -> Generator[RpcDoor]:
    with (
        grpc.insecure_channel(site.conductor) as conductor,
        grpc.insecure_channel(site.front) as front,
        grpc.insecure_channel(site.health) as health,
    ):
        yield RpcDoor(conductor, front, health)
