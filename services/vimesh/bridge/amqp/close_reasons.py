"""Decodes the reason that a broker gives when it closes a connection. Pure: a frame in, its reason out."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_METHOD = 1
_CLOSE = struct.pack(">HH", 10, 50)
_CODE = struct.Struct(">H")
_CODE_AT = len(_CLOSE)
_TEXT_AT = _CODE_AT + _CODE.size


@dataclass(frozen=True, slots=True)
class CloseReason:
    code: int
    text: str
    """Printable, on one line, at most 255 bytes in AMQP."""

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def parse_close(kind: int, channel: int, payload: bytes) -> CloseReason | None:
    """Decode Connection.Close; return None for any other frame."""
    if kind != _METHOD or channel or not payload.startswith(_CLOSE) or len(payload) <= _TEXT_AT:
        return None
    (code,) = _CODE.unpack_from(payload, _CODE_AT)
    text = payload[_TEXT_AT + 1 : _TEXT_AT + 1 + payload[_TEXT_AT]]
    return CloseReason(code, on_one_line(text.decode(errors="replace")))


def on_one_line(text: str) -> str:
    """Return the broker's text as one printable line for the log."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
