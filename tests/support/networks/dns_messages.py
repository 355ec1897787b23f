"""Reads and writes DNS messages (RFC 1035), as far as a scripted name server needs them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_HEADER = struct.Struct("!HHHHHH")
_QUESTION_AT = _HEADER.size
_TAIL = struct.Struct("!HH")
_RECORD = struct.Struct("!HHHIH")
_NAME_OF_QUESTION = 0xC000 | _QUESTION_AT
_RESPONSE = 0x8180
"""Flags: a response, recursion desired and available."""
_TRUNCATED = 0x0200
_IN, _SOA = 1, 6


@dataclass(frozen=True, slots=True)
class Question:
    number: int
    name: str
    """The name, in lower case."""
    kind: int
    raw: bytes
    """The question in bytes, to be repeated in the answer."""


def question_of(message: bytes) -> Question | None:
    """Return the first question in a message; None if it does not ask for an address."""
    labels, at = [], _QUESTION_AT
    while at < len(message) and (length := message[at]):
        labels.append(message[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    end = at + 1 + _TAIL.size
    if end > len(message):
        return None
    kind, _ = _TAIL.unpack_from(message, at + 1)
    if kind not in (1, 28):
        return None
    return Question(int.from_bytes(message[:2]), ".".join(labels).lower(), kind, message[_QUESTION_AT:end])


def answer_to(
    question: Question, rcode: int, addresses: Sequence[str], ttl_s: int, *, truncated: bool = False
) -> bytes:
    """Return the message of an answer; without addresses, it states for how long their absence may be cached."""
    flags = _RESPONSE | rcode | (_TRUNCATED if truncated else 0)
    negative = not addresses and not truncated and rcode in (0, 3)
    head = _HEADER.pack(question.number, flags, 1, len(addresses), int(negative), 0) + question.raw
    return head + _addresses(question.kind, tuple(addresses), ttl_s) + (_negative(ttl_s) if negative else b"")


@lru_cache(64)
def _addresses(kind: int, addresses: tuple[str, ...], ttl_s: int) -> bytes:
    """Encode them once: a repeated question about thousands of addresses must not find the server busy."""
    return b"".join(_address(kind, ip, ttl_s) for ip in addresses)


def _address(kind: int, ip: str, ttl_s: int) -> bytes:
    packed = socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)
    return _RECORD.pack(_NAME_OF_QUESTION, kind, _IN, ttl_s, len(packed)) + packed


def _negative(ttl_s: int) -> bytes:
    data = b"\0\0" + struct.pack("!IIIII", 1, 3600, 600, 86400, ttl_s)
    return b"\0" + struct.pack("!HHIH", _SOA, _IN, ttl_s, len(data)) + data
