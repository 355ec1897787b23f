"""Makes HTTP/2 frames, correct and incorrect ones."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from hpack import Encoder

from tests.fuzz.doors.known_vims import VIM_IDS
from vimesh.v1.vim_service_pb2 import GetVimRequest

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x4, 0x8, 0x20

Header = tuple[str, str]
CALL: Final[tuple[Header, ...]] = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/vimesh.v1.VimService/GetVim"),
    (":authority", "fuzzed.test"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
)
GET: Final[tuple[Header, ...]] = (
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/v1/vims?page_size=1"),
    (":authority", "fuzzed.test"),
)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """Return a frame. `length` is the length that it states, if not the true one."""
    said = (len(payload) if length is None else length) & 0xFFFFFF
    return struct.pack(">I", said)[1:] + bytes((kind, flags)) + struct.pack(">I", stream & 0xFFFFFFFF) + payload


def block(headers: Iterable[Header]) -> bytes:
    """Return headers as in a frame, without using the table: each block can be read on its own."""
    return bytes(Encoder().encode([(name, value, True) for name, value in headers], huffman=False))


def message() -> bytes:
    """Return the message of a correct call, framed as gRPC does."""
    content = GetVimRequest(vim_id=VIM_IDS[0]).SerializeToString()
    return struct.pack(">BI", 0, len(content)) + content


def call(stream: int, headers: Iterable[Header] = CALL) -> bytes:
    return frame(HEADERS, END_HEADERS, stream, block(headers)) + frame(DATA, END_STREAM, stream, message())
