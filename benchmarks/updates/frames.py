"""Reads and writes the HTTP/2 frames of unary gRPC calls, as far as a load generator needs them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD = 9
FIRST_WINDOW = 65_535
"""Bytes that a peer may send on a connection before its window is updated."""
_WIDE_WINDOW = 2**31 - 1 - FIRST_WINDOW


class Kind(IntEnum):
    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8


ACK = END_STREAM = 0x1
END_HEADERS = 0x4


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes


def frame(kind: Kind, flags: int, stream: int, payload: bytes) -> bytes:
    return b"%b%c%c%b%b" % (len(payload).to_bytes(3, "big"), kind, flags, stream.to_bytes(4, "big"), payload)


def opening() -> bytes:
    """Return the first bytes of a client; the server may send all the answers of a run without waiting for windows."""
    wide = frame(Kind.WINDOW_UPDATE, 0, 0, _WIDE_WINDOW.to_bytes(4, "big"))
    return PREFACE + frame(Kind.SETTINGS, 0, 0, b"") + wide


def first_headers(path: str, authority: str) -> bytes:
    """Return the headers of a connection's first call: they put everything that repeats into the peer's table."""
    return b"\x83\x86" + b"".join(
        (
            b"\x44" + _text(path),
            b"\x41" + _text(authority),
            b"\x5f" + _text("application/grpc"),
            b"\x40" + _text("te") + _text("trailers"),
        )
    )


LATER_HEADERS = b"\x83\x86\xc1\xc0\xbf\xbe"
"""Return the same headers by their numbers in that table, as every HTTP/2 client sends them."""


def message(serialized: bytes) -> bytes:
    """Return a message with the five bytes that gRPC puts before it."""
    return b"\x00" + len(serialized).to_bytes(4, "big") + serialized


def parse(buffer: bytearray) -> Iterator[Frame]:
    """Take the complete frames out of a buffer."""
    position = 0
    end = len(buffer)
    view = bytes(buffer)
    while position + FRAME_HEAD <= end:
        body = position + FRAME_HEAD
        after = body + int.from_bytes(view[position : position + 3], "big")
        if after > end:
            break
        stream = int.from_bytes(view[position + 5 : body], "big")
        yield Frame(view[position + 3], view[position + 4], stream, view[body:after])
        position = after
    del buffer[:position]


def _text(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) >= 127:
        raise ValueError(f"too long for one byte of length: {text}")
    return bytes([len(encoded)]) + encoded
