"""The quick JSON of messages is that of protobuf's own library."""

from __future__ import annotations

import json
import sys
from random import Random
from types import FrameType
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.base.exits import Failure
from vimesh.cli.output import documents
from vimesh.cli.output.documents import document
from vimesh.cli.output.message_json import message_json
from vimesh.v1 import fleet_service_pb2, maintenance_service_pb2, receiver_service_pb2, vim_pb2

KINDS: list[type[Message]] = [
    vim_pb2.Vim,
    vim_pb2.VimEvent,
    maintenance_service_pb2.MaintenanceWindow,
    receiver_service_pb2.Receiver,
    receiver_service_pb2.Notification,
    fleet_service_pb2.GetFleetStatusResponse,
]
_TEXTS = ("", "lisbon", 'a "quoted" \\ text', "Grüße\n\t\x00", "\u202e\ud7ff\U0001f600", "***")
_MOST_S = 253_402_300_799
"""The last second of the year 9999."""


def _fill(message: Any, random: Random, depth: int = 0) -> None:  # noqa: ANN401 - of any kind
    for field in message.DESCRIPTOR.fields:
        if depth > 3 or random.random() < 0.3:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if field.message_type.fields[1].message_type is None:
                getattr(message, field.name).update({random.choice(_TEXTS): random.choice(_TEXTS) for _ in range(2)})
        elif field.is_repeated and field.message_type is not None:
            _fill_one(getattr(message, field.name).add(), random, depth)
        elif field.is_repeated:
            getattr(message, field.name).append(_scalar(field, random))
        elif field.message_type is not None:
            getattr(message, field.name).SetInParent()
            _fill_one(getattr(message, field.name), random, depth)
        else:
            setattr(message, field.name, _scalar(field, random))


def _fill_one(message: Any, random: Random, depth: int) -> None:  # noqa: ANN401 - as above
    match message.DESCRIPTOR.full_name:
        case "google.protobuf.Timestamp":
            message.seconds = random.choice([0, -62_135_596_800, _MOST_S, random.randrange(2_000_000_000)])
            message.nanos = random.choice([0, 1, 1000, 999_999_999, 5_000_000, random.randrange(10**9)])
        case "google.protobuf.Duration":
            message.seconds, message.nanos = random.randrange(10**6), random.choice([0, 500_000_000, 1, 70_000])
        case "google.protobuf.Struct":
            items: list[Any] = [1, 2.5, None, True, {"x": {}}]
            content: dict[str, Any] = {"b": random.choice(_TEXTS), "a": items, "c": {}, "d": []}
            message.update(dict(random.sample(sorted(content.items(), key=str), random.randrange(5))))
        case "google.protobuf.FieldMask":
            message.paths.append("status_time")
        case _:
            _fill(message, random, depth + 1)


def _scalar(field: Any, random: Random) -> Any:  # noqa: ANN401 - as above
    match field.cpp_type:
        case field.CPPTYPE_STRING:
            return random.choice(_TEXTS) if field.type == field.TYPE_STRING else b"\x00bytes"
        case field.CPPTYPE_BOOL:
            return random.random() < 0.5
        case field.CPPTYPE_ENUM:
            return random.choice([*(value.number for value in field.enum_type.values), 77])
        case field.CPPTYPE_DOUBLE | field.CPPTYPE_FLOAT:
            return random.choice([0.0, 1.5, 3.0])
        case _:
            return random.choice([0, 1, 2**31 - 1])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("indent", ["", "  "])
def test_it_is_what_the_library_writes(kind: type[Message], indent: str) -> None:
    random = Random(7)
    for _ in range(60):
        message = kind()
        _fill(message, random)
        expected = json.dumps(document(message), indent=2, ensure_ascii=False)

        assert message_json(message, indent) == expected.replace("\n", f"\n{indent}")


@pytest.mark.parametrize("kind", [vim_pb2.Vim, vim_pb2.VimEvent], ids=lambda kind: kind.__name__)
def test_nothing_that_long_lists_have_is_left_to_the_library(kind: type[Message]) -> None:
    random = Random(7)
    messages: list[Message] = [kind() for _ in range(20)]
    for message in messages:
        _fill(message, random)
    slow = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal slow
        if event == "call" and frame.f_code is documents.document.__code__:
            slow += 1

    sys.setprofile(count)
    try:
        for message in messages:
            message_json(message)
    finally:
        sys.setprofile(None)

    assert slow == 0


def test_what_json_cannot_say_is_explained() -> None:
    late = vim_pb2.Vim(status_time=Timestamp(seconds=_MOST_S + 1))
    odd = vim_pb2.Vim()
    odd.extra.update({"a": float("inf")})

    for vim in (late, odd):
        with pytest.raises(Failure, match="that JSON cannot represent"):
            message_json(vim)
