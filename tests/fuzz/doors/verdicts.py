"""Defines which answers are wrong, whatever the request was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from vimesh.wire.error_statuses import DETAILS_KEY, DOMAIN

_C = grpc.StatusCode
EXPECTED: Final = frozenset(
    {
        *(_C.OK, _C.INVALID_ARGUMENT, _C.NOT_FOUND, _C.ALREADY_EXISTS, _C.FAILED_PRECONDITION, _C.ABORTED),
        *(_C.OUT_OF_RANGE, _C.RESOURCE_EXHAUSTED),
    }
)
"""Codes with which the contract allows a request to end while nothing is wrong with the fleet."""
_WITHOUT_REASON: Final = frozenset({_C.OK, _C.RESOURCE_EXHAUSTED})
"""Codes that gRPC itself returns, for messages that are too long."""
_TOO_LONG_ANSWER: Final = "CLIENT: Received message larger than max"
_ERRORS: Final = (
    *(
        "Type",
        "Value",
        "Key",
        "Attribute",
        "Index",
        "Decode",
        "Parse",
        "Runtime",
        "System",
        "Recursion",
        "Overflow",
        "OS",
    ),
    *(
        "Memory",
        "Name",
        "Assertion",
        "Validation",
        "Operational",
        "Integrity",
        "Programming",
        "Database",
        "UnicodeDecode",
    ),
)
_INNER_WORDS: Final = re.compile(
    rf"Traceback|\b(?:{'|'.join(_ERRORS)})Error\b|\w\.py\b|/(?:usr|home|root|work|tmp|opt)/|<class |object at 0x"
    r"|\bsqlite|sqlalchemy|\bSELECT\b|\bINSERT\b|_pb2|\bException "
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of a request."""

    code: str
    """The code, for statistics."""
    complaint: str = ""
    """What is wrong with the answer; empty: nothing."""
    answers: int = 1
    """For a stream, the number of answers: each may take as much CPU as the answer of a call."""


def of_words(text: str) -> str:
    """Return a complaint if the text reveals internals."""
    found = _INNER_WORDS.search(text)
    return f"tells of what is inside, {found[0]!r}: {text[:300]!r}" if found else ""


def of_failure(error: grpc.RpcError, *, ours: bool) -> Reply:
    """Judge a status. `ours` means a contract that promises a reason with each error."""
    code, details = error.code(), error.details() or ""
    if code not in EXPECTED or details.startswith(_TOO_LONG_ANSWER):
        return Reply(code.name, f"{code.name}: {details[:300]}")
    if complaint := of_words(details):
        return Reply(code.name, complaint)
    if ours and code not in _WITHOUT_REASON and not _reason(error):
        return Reply(code.name, f"{code.name} without a reason: {details[:300]}")
    return Reply(code.name)


def _reason(error: grpc.RpcError) -> str:
    trailers: dict[str, bytes] = dict(cast(Iterable[tuple[str, bytes]], error.trailing_metadata() or ()))
    return _reason_in(trailers.get(DETAILS_KEY, b""))


def _reason_in(value: bytes) -> str:
    info = error_details_pb2.ErrorInfo()
    try:
        details = status_pb2.Status.FromString(value).details
    except DecodeError:
        return ""
    return next((info.reason for detail in details if detail.Unpack(info) and info.domain == DOMAIN), "")
