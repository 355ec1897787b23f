"""Makes values that a field may have and no client sends, by the type of the field."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct

from tests.fuzz.doors.known_vims import VIM_IDS
from tests.fuzz.doors.wire import FIXED_32, FIXED_64, SIZED, VARINT, Field, Tree, sized

_INTEGERS = (
    *range(7),
    100,
    499,
    1000,
    1001,
    100_000,
    100_001,
    *(2**n + d for n in (31, 32, 53, 63) for d in (-1, 0, 1)),
)
_OBSERVATIONS = (2**63 - 2**22, 2**63 - 2**22 + 1, 2**64 - 1, -1, -(2**31), -(2**63))
_SECONDS = (0, 1, -1, 2, 3600, 3601, 315_360_000, 315_576_000_000, 315_576_000_001, 10**15, 2**63 - 1, -(2**63))
_NANOS = (0, 1, -1, 999_999_999, 10**9, -(10**9), 2**31 - 1, -(2**31))
_DOUBLES = (0.0, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"), 2.0**53 + 1)
_TEXTS = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "\x1b[2J",
        "\u202e",
        "\ufeff",
        "\u2028",
        "\U0001f600" * 300,
        "%s%n{0}${x}",
        "'; --",
        "***",
    ),
    *(
        "openstack",
        "kubernetes",
        "default",
        "REACHABLE",
        "TIMEOUT",
        "LOCAL_",
        "name desc",
        "create_time",
        "status_time",
    ),
    *("http://127.0.0.1:1/", "https://[::1]:65535/", "http://127.0.0.1:65536/", "http://a@b@127.0.0.1/", "http://"),
    *(
        'name = "*"',
        "status = UNKNOWN AND name != 'a'",
        'name = "' + "*a" * 60 + '"',
        "id=" + "(" * 2000,
        "AND " * 1000,
    ),
    *("auth_url = " + "*" * 4000, "=" * 4096, "vim_project.name", "probe_policy.interval", "*", "vim.v1.VimService"),
    *("00000000-0000-0000-0000-000000000000", "{" + VIM_IDS[0] + "}", VIM_IDS[0].upper(), VIM_IDS[1].replace("-", "")),
    *("A" * 64, "A_" * 32, "a" * 255, "a" * 256, "a" * 512, "a" * 513, "\u00e9" * 4096, "a" * 4097, "a" * 65_537),
)
_NO_TEXTS = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"a\xf4\x90\x80\x80", b"\xc3" * 512, bytes(range(256)))
_PATHS = (*_TEXTS[:8], "*", "name", "extra", "probe_policy", "probe_policy.fall", "vim.name", "a.b.c", "a" * 5000, "..")
_ENDLESS_VARINT = b"\x80" * 9 + b"\x7f"
_DEPTHS = (3, 15, 16, 17, 30, 60, 100, 101, 1000)
_WIDTHS = (1, 10, 100, 1000, 10_000)

Odd = Callable[[Random, FieldDescriptor], Field]


def odd_field(random: Random, field: FieldDescriptor) -> Field:
    """Return a field of the right type, with an odd value."""
    message = field.message_type
    return _odd(random, field) if message is None else _odd_message(random, field.number, message)


def _odd(random: Random, field: FieldDescriptor) -> Field:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return Field(field.number, SIZED, _odd_text(random))
        case FieldDescriptor.TYPE_BYTES:
            return Field(field.number, SIZED, random.randbytes(random.choice((0, 1, 100, 10_000))))
        case FieldDescriptor.TYPE_DOUBLE:
            return Field(field.number, FIXED_64, struct.pack("<d", random.choice(_DOUBLES)))
        case FieldDescriptor.TYPE_FLOAT:
            return Field(field.number, FIXED_32, random.randbytes(4))
    if random.random() < 0.05:
        return Field(field.number, VARINT, _ENDLESS_VARINT)
    return Field(field.number, VARINT, random.choice(_INTEGERS + _OBSERVATIONS))


def _odd_text(random: Random) -> bytes:
    if random.random() < 0.2:
        return random.choice(_NO_TEXTS)
    text = random.choice(_TEXTS)
    return (text + random.choice(_TEXTS) if random.random() < 0.1 else text).encode()


def _odd_message(random: Random, number: int, message: Descriptor) -> Field:
    make = _MESSAGES.get(message.full_name, _filled)
    return Field(number, SIZED, make(random, message))


def _filled(random: Random, descriptor: Descriptor) -> Tree:
    """Return a message with some of its fields. An odd value in it may be a message again, so this is kept rare."""
    most = min(3, len(descriptor.fields))
    chosen = random.sample(list(descriptor.fields), random.randint(0, most))
    return Tree(descriptor, [odd_field(random, field) for field in chosen if random.random() < 0.7])


def _duration(random: Random, _: Descriptor) -> Tree:
    return Tree(
        Duration.DESCRIPTOR,
        [Field(1, VARINT, random.choice(_SECONDS)), Field(2, VARINT, random.choice(_NANOS))],
    )


def _mask(random: Random, _: Descriptor) -> Tree:
    paths = [random.choice(_PATHS).encode() for _ in range(random.choice((1, 2, 10, 1000)))]
    return Tree(FieldMask.DESCRIPTOR, [Field(1, SIZED, path) for path in paths])


def _struct(random: Random, _: Descriptor) -> Tree:
    """Return a free-form field that is deep, or wide, or contains odd numbers and texts."""
    if random.random() < 0.5:
        return Tree(Struct.DESCRIPTOR, [Field(1, SIZED, _entry(b"a", _nested(random, random.choice(_DEPTHS))))])
    return _wide(random, random.choice(_WIDTHS))


def _wide(random: Random, width: int) -> Tree:
    value = random.choice((b"", b"\x08\0", *(_number(each) for each in _DOUBLES), b"\x1a" + sized(_odd_text(random))))
    same_key = random.random() < 0.3
    entries = (_entry(b"a" if same_key else str(number).encode(), value) for number in range(width))
    if random.random() < 0.5:
        return Tree(Struct.DESCRIPTOR, [Field(1, SIZED, entry) for entry in entries])
    listed = b"\x32" + sized(b"".join(b"\x0a" + sized(value) for _ in range(width)))
    return Tree(Struct.DESCRIPTOR, [Field(1, SIZED, _entry(b"a", listed))])


def _nested(random: Random, depth: int) -> bytes:
    value = b"\x08\0"
    in_lists = random.random() < 0.5
    for _ in range(depth):
        value = (
            b"\x32" + sized(b"\x0a" + sized(value))
            if in_lists
            else b"\x2a" + sized(b"\x0a" + sized(_entry(b"a", value)))
        )
    return value


def _entry(key: bytes, value: bytes) -> bytes:
    return b"\x0a" + sized(key) + b"\x12" + sized(value)


def _number(number: float) -> bytes:
    return b"\x11" + struct.pack("<d", number)


_MESSAGES: dict[str, Callable[[Random, Descriptor], Tree]] = {
    Duration.DESCRIPTOR.full_name: _duration,
    FieldMask.DESCRIPTOR.full_name: _mask,
    Struct.DESCRIPTOR.full_name: _struct,
}
