"""Makes odd messages for the queue of calls: any JSON, in an envelope or not, with properties byte by byte."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

_VIM_ID = "0b0a5d9a-5c0f-4f4b-9a57-3a4f3f2f9a11"
_KEYS = ("method", "args", "version", "namespace", "_msg_id", "_unique_id", "_reply_q", "_timeout", "vim_id", "status")


@dataclass(frozen=True)
class OddMessage:
    body: bytes
    properties: bytes
    """Flags and values as in a content header: some that no library would write."""


def odd_message(random: Random) -> OddMessage:
    """Make up a message. The same numbers make the same message."""
    return OddMessage(_body(random), odd_properties(random))


def _body(random: Random) -> bytes:
    inner = json.dumps(_call(random))
    wrapped = json.dumps({"oslo.version": "2.0", "oslo.message": inner})
    shape = random.choice((_as_it_is, _as_it_is, _as_it_is, _with_a_byte_changed, _cut, _made_of_brackets, _noise))
    return shape(random.choice((wrapped, wrapped, inner)).encode(), random)


def _call(random: Random) -> dict[str, object]:
    call: dict[str, object] = {
        "method": "update_vim",
        "args": {"vim_id": _VIM_ID, "status": "REACHABLE", "action_id": "a"},
        "version": "1.0",
        "_msg_id": f"{random.getrandbits(128):032x}",
        "_unique_id": f"{random.getrandbits(128):032x}",
        "_reply_q": f"reply_{random.getrandbits(64):x}",
        "_timeout": None,
    }
    for _ in range(random.randrange(4)):
        into = random.choice((call, call["args"]))
        if isinstance(into, dict):
            into[random.choice(_KEYS)] = _value(random)
    return call


def _value(random: Random) -> object:
    makers: tuple[Callable[[Random], object], ...] = (_number, _text, _nested, _plain)
    return random.choice(makers)(random)


def _number(random: Random) -> object:
    digits = random.choice((1, 15, 19, 20, 308, 309, 400, 4000))
    return random.choice((1, -1)) * random.choice((10**digits, 1e308, 5e-324, float("nan"), float("inf"), 0.5))


def _text(random: Random) -> str:
    character = random.choice(("x", "\0", "\ud800", "\n", "9", "é", "😀", "%", "\x7f", "'"))
    return character * random.choice((1, 2, 36, 255, 256, 10_000))


def _nested(random: Random) -> object:
    value: object = {}
    for _ in range(random.choice((1, 10, 100, 300))):
        value = random.choice(([value], {"a": value}))
    return value


def _plain(random: Random) -> object:
    return random.choice((None, True, False, "", 0, [], {}, _VIM_ID, "TACKER_CONDUCTOR", "amq.rabbitmq.reply-to"))


def _as_it_is(body: bytes, _random: Random) -> bytes:
    return body


def _with_a_byte_changed(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body))
    return body[:at] + random.randbytes(1) + body[at + 1 :]


def _cut(body: bytes, random: Random) -> bytes:
    return body[: random.randrange(len(body))]


def _made_of_brackets(_body: bytes, random: Random) -> bytes:
    count = random.choice((10, 499, 500, 900, 1000, 100_000))
    return random.choice((b"[", b'{"a":')) * count + random.choice((b"", b"]" * count))


def _noise(_body: bytes, random: Random) -> bytes:
    return random.randbytes(random.choice((0, 1, 16, 4096, 300_000)))


def odd_properties(random: Random) -> bytes:
    """Return flags and values; each property may be present or not, and most are odd."""
    flags, values = 0, b""
    for flag, make in _PROPERTIES:
        if random.random() < 0.3:
            flags |= flag
            values += make(random)
    return struct.pack(">H", flags) + values


def _short(random: Random) -> bytes:
    length = random.choice((0, 1, 10, 255))
    text = random.choice((b"x" * length, b"\xff" * length, b"\0" * length, random.randbytes(length)))
    return bytes((length,)) + text


def _octet(random: Random) -> bytes:
    return bytes((random.choice((0, 1, 2, 3, 9, 127, 255)),))


def _delivery_mode(random: Random) -> bytes:
    # Recent brokers refuse messages that are neither of the two.
    return bytes((random.choice((1, 2, 1, 2, 1, 2, 1, 2, 7)),))


def _expiration(random: Random) -> bytes:
    text = random.choice((b"0", b"60000", b"4294967295", b"00060000"))
    return bytes((len(text),)) + text


def _timestamp(random: Random) -> bytes:
    return random.choice((0, 1, 2**31, 2**40, 2**63 - 1, 2**63, 2**64 - 1)).to_bytes(8, "big")


def _table(random: Random) -> bytes:
    value = random.choice((b"V", b"t\1", b"S\0\0\0\1\xff", b"T" + b"\xff" * 8, b"d" + b"\xff" * 8, b"l" + b"\x80" * 8))
    for _ in range(random.choice((0, 1, 50, 2000))):
        value = b"F" + _sized(b"\1a" + value)
    return _sized(random.choice((b"\1a", b"\xffa" + b"a" * 254, b"\1\xff")) + value)


def _sized(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


_PROPERTIES: tuple[tuple[int, Callable[[Random], bytes]], ...] = (
    (0x8000, _short),  # content type
    (0x4000, _short),  # content encoding
    (0x2000, _table),  # headers
    (0x1000, _delivery_mode),  # delivery mode
    (0x0800, _octet),  # priority
    (0x0400, _short),  # correlation id
    (0x0200, _short),  # reply to
    (0x0100, _expiration),
    (0x0080, _short),  # message id
    (0x0040, _timestamp),
    (0x0020, _short),  # type
    (0x0008, _short),  # application
    (0x0004, _short),  # cluster
)
