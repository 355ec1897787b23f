"""Sends everything that a client can send on an HTTP/2 connection if it does not want an answer."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Final

from tests.fuzz.doors.http2_frames import (
    CALL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    Header,
    block,
    call,
    frame,
    message,
)

_COUNTS = (1, 10, 100, 500)
_STREAMS = range(1, 2**31, 2)
_WINDOWS = (0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
_ODD_HEADERS: Final[tuple[Header, ...]] = (
    *(
        (":method", "CONNECT"),
        (":method", ""),
        (":path", ""),
        (":path", "*"),
        (":path", "/" + "a" * 9000),
        (":path", "/\0"),
    ),
    *(
        (":status", "200"),
        (":unknown", "a"),
        ("Upper", "a"),
        ("", "a"),
        ("a b", "c"),
        ("a\0", "b"),
        ("a", "b\0"),
        ("a", "b\nc"),
    ),
    *(
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("host", "other.test"),
    ),
    *(
        ("content-length", "5"),
        ("content-length", "-1"),
        ("content-length", "9" * 30),
        ("content-type", "application/grpc+json"),
    ),
    *(("grpc-timeout", "a"), ("grpc-timeout", "0n"), ("grpc-timeout", "99999999H"), ("grpc-timeout", "999999999H")),
    *(
        ("grpc-encoding", "gzip"),
        ("grpc-encoding", "a"),
        ("grpc-accept-encoding", ",,a"),
        ("grpc-previous-rpc-attempts", "a"),
    ),
    *(
        ("grpc-retry-pushback-ms", "a"),
        ("a-bin", "*"),
        ("grpc-tags-bin", "%"),
        ("grpc-trace-bin", "a"),
        ("lb-token", "a"),
    ),
    *(("grpc-status", "0"), ("grpc-message", "%"), ("user-agent", "a" * 5000), ("cookie", "a"), ("a", "b" * 30_000)),
    *(("grpc-internal-encoding-request", "gzip"), ("endpoint-load-metrics-bin", "a"), ("grpc-server-stats-bin", "a")),
)


def _rapid_reset(random: Random) -> Iterator[bytes]:
    code = random.choice((0, 5, 8, 2**32 - 1))
    for stream in _STREAMS[: random.choice(_COUNTS)]:
        yield call(stream) if random.random() < 0.5 else frame(HEADERS, END_HEADERS, stream, block(CALL))
        yield frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def _continuation(random: Random) -> Iterator[bytes]:
    piece = random.choice((b"", b"\0", b"\x82", b"\0\1a\1b" * 10, b"\0\1a\1b" * 3000))
    yield frame(HEADERS, random.choice((0, END_STREAM)), 1, block(CALL))
    for _ in range(min(random.choice(_COUNTS), 200_000 // (len(piece) + 9))):
        yield frame(CONTINUATION, 0, 1, piece)
    if random.random() < 0.3:
        yield frame(CONTINUATION, END_HEADERS, random.choice((1, 3)))


def _settings(random: Random) -> Iterator[bytes]:
    for _ in range(random.choice(_COUNTS)):
        pairs = b"".join(
            struct.pack(">HI", random.choice((1, 2, 3, 4, 5, 6, 99)), random.choice(_WINDOWS))
            for _ in range(random.randint(0, 6))
        )
        yield frame(SETTINGS, random.choice((0, 0, 0, 1)), random.choice((0, 0, 0, 1)), pairs)
    yield call(1)


def _ping(random: Random) -> Iterator[bytes]:
    for _ in range(random.choice(_COUNTS)):
        yield frame(PING, random.choice((0, 1)), 0, random.randbytes(random.choice((8, 8, 8, 0, 9))))


def _window_update(random: Random) -> Iterator[bytes]:
    yield frame(HEADERS, END_HEADERS, 1, block(CALL))
    for _ in range(random.choice(_COUNTS)):
        yield frame(WINDOW_UPDATE, 0, random.choice((0, 1, 3)), struct.pack(">I", random.choice(_WINDOWS)))


def _priority(random: Random) -> Iterator[bytes]:
    """Let streams depend on each other in loops, on themselves, and on streams that never existed."""
    streams = [1, 3, 5, 7, 2**31 - 1]
    yield frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, struct.pack(">IB", 1, 255) + block(CALL))
    for _ in range(random.choice(_COUNTS)):
        depends = random.choice(streams) | random.choice((0, 2**31))
        yield frame(PRIORITY, 0, random.choice(streams), struct.pack(">IB", depends, random.randrange(256)))


def _header_bomb(random: Random) -> Iterator[bytes]:
    """Refer to a long value in the table again and again, each time with one byte."""
    value = b"a" * random.choice((100, 3000, 4000))
    long = (
        b"\x40\1a" + b"\x7f" + _integer(len(value) - 127) + value
        if len(value) > 127
        else b"\x40\1a" + bytes((len(value),)) + value
    )
    for stream in _STREAMS[: random.choice((1, 2, 10))]:
        yield frame(HEADERS, END_HEADERS, stream, block(CALL) + long + b"\xbe" * random.choice((10, 1000, 12_000)))


def _integer(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def _odd_headers(random: Random) -> Iterator[bytes]:
    for stream in _STREAMS[: random.randint(1, 10)]:
        headers = list(random.choice((CALL, CALL, GET)))
        for _ in range(random.randint(1, 3)):
            odd = random.choice(_ODD_HEADERS)
            headers.insert(random.randint(0, len(headers)), odd)
            if random.random() < 0.3:
                headers = [header for header in headers if header == odd or header[0] != odd[0]]
        yield call(stream, headers)


def _goaway(random: Random) -> Iterator[bytes]:
    yield call(1)
    yield frame(
        GOAWAY,
        0,
        0,
        struct.pack(">II", random.choice((0, 1, 2**31 - 1)), random.randrange(20)) + b"a" * random.choice((0, 9000)),
    )
    yield from (call(stream) for stream in _STREAMS[1 : random.choice(_COUNTS[:3])])


def _half_open(random: Random) -> Iterator[bytes]:
    """Start calls that never continue."""
    for stream in _STREAMS[: random.choice(_COUNTS)]:
        yield frame(HEADERS, END_HEADERS, stream, block(CALL))
        if random.random() < 0.3:
            yield frame(DATA, 0, stream, message()[: random.randrange(20)])


def _framing(random: Random) -> Iterator[bytes]:
    """Frame gRPC messages wrongly."""
    for stream in _STREAMS[: random.randint(1, 20)]:
        yield frame(HEADERS, END_HEADERS, stream, block(CALL))
        head = struct.pack(">BI", random.choice((0, 1, 2, 255)), random.choice((0, 1, 38, 5_000_000, 2**32 - 1)))
        body = random.choice((head, head + message(), head * 1000, message() * 100, message() + head[:3]))
        yield frame(DATA, END_STREAM, stream, body[:16_384])


def _padding(random: Random) -> Iterator[bytes]:
    for stream in _STREAMS[: random.choice(_COUNTS)]:
        yield frame(HEADERS, END_HEADERS | PADDED, stream, b"\xff" + block(CALL) + bytes(random.choice((0, 255))))
        yield frame(DATA, PADDED, stream, random.choice((b"\xff", b"\0", b"\xff" + bytes(255), b"")))


def _any_frames(random: Random) -> Iterator[bytes]:
    kinds = (
        DATA,
        HEADERS,
        PRIORITY,
        RST_STREAM,
        SETTINGS,
        PUSH_PROMISE,
        PING,
        GOAWAY,
        WINDOW_UPDATE,
        CONTINUATION,
        10,
        200,
    )
    for _ in range(random.randint(1, 60)):
        payload = random.choice((b"", block(CALL), message(), random.randbytes(random.choice((1, 4, 5, 8, 6, 100)))))
        length = random.choice((None, None, None, 0, len(payload) + 1, 2**24 - 1))
        stream = random.choice((0, 1, 1, 2, 3, 5, 2**31 - 1, 2**31))
        yield frame(random.choice(kinds), random.choice((0, 1, 4, 5, 8, 32, 255)), stream, payload, length=length)


def _good(_: Random) -> Iterator[bytes]:
    yield call(1)
    yield frame(HEADERS, END_HEADERS | END_STREAM, 3, block(GET))


ATTACKS: Final[Mapping[str, Callable[[Random], Iterator[bytes]]]] = {
    "good": _good,
    "rapid-reset": _rapid_reset,
    "continuation": _continuation,
    "settings": _settings,
    "ping": _ping,
    "window-update": _window_update,
    "priority": _priority,
    "header-bomb": _header_bomb,
    "odd-headers": _odd_headers,
    "goaway": _goaway,
    "half-open": _half_open,
    "framing": _framing,
    "padding": _padding,
    "any-frames": _any_frames,
}
