"""What a publisher chose of a delivery, cut down to what is of use here, before the AMQP library decodes it.

The library ends the connection over a property or a routing key that it cannot decode; the broker then delivers the
same message again, for ever. And it collects a body in memory, however long that is. Pure: frames in, frames out.
"""

from __future__ import annotations

import struct

FRAME_HEAD = struct.Struct(">BHI")
FRAME_END = b"\xce"
_METHOD, _HEADER, _BODY = 1, 2, 3
_DELIVER = struct.pack(">HH", 60, 60)
_CONTENT_HEAD = struct.Struct(">HHQH")
"""Class, weight, size of the body, and the flags that say which properties follow."""
_EXPIRATION = 0x0100
_BEFORE_EXPIRATION = ((0x8000, 0), (0x4000, 0), (0x2000, 4), (0x1000, -1), (0x0800, -1), (0x0400, 0), (0x0200, 0))
"""Flags of the properties that come first, with how each tells its length: in a byte (0), in four, or always one."""
_MAX_EXPIRATION_DIGITS = 10
_TAG_AND_FLAG_BYTES = 9


class ContentFilter:
    """Takes the frames of one connection in their order. What is no delivery passes as it is."""

    def __init__(self, max_body_bytes: int) -> None:
        """Let bodies of `max_body_bytes` pass, and one byte of what is longer, by which it can be told."""
        self._max_body_bytes = max_body_bytes
        self._room: dict[int, int] = {}
        """By channel, while content of a delivery comes: how many bytes of its body may pass still."""

    def filtered(self, kind: int, channel: int, payload: bytes) -> bytes:
        """Return the frame to read in place of this one; empty if there is none. Raises ValueError."""
        if kind == _METHOD:
            self._room.pop(channel, None)
            if payload.startswith(_DELIVER):
                self._room[channel] = 0
                payload = _without_route(payload)
        elif channel in self._room:
            payload = self._header(channel, payload) if kind == _HEADER else self._body(channel, payload)
            if not payload:
                return b""
        return FRAME_HEAD.pack(kind, channel, len(payload)) + payload + FRAME_END

    def _header(self, channel: int, payload: bytes) -> bytes:
        if len(payload) < _CONTENT_HEAD.size:
            raise ValueError("a content header is too short")
        kind, weight, size, _ = _CONTENT_HEAD.unpack_from(payload)
        size = self._room[channel] = min(size, self._max_body_bytes + 1)
        expiration = _expiration(payload)
        if expiration is None:
            return _CONTENT_HEAD.pack(kind, weight, size, 0)
        return _CONTENT_HEAD.pack(kind, weight, size, _EXPIRATION) + bytes((len(expiration),)) + expiration

    def _body(self, channel: int, payload: bytes) -> bytes:
        taken = payload[: self._room[channel]]
        self._room[channel] -= len(taken)
        return taken


def _without_route(payload: bytes) -> bytes:
    """Return Basic.Deliver without exchange and routing key: the publisher chose them, and they need not be text."""
    tag_length = payload[4] if len(payload) > 4 else 0
    end = 5 + tag_length + _TAG_AND_FLAG_BYTES
    if len(payload) < end:
        raise ValueError("a delivery is too short")
    return payload[:end] + b"\0\0"


def _expiration(payload: bytes) -> bytes | None:
    """Return the milliseconds after which the caller does not want it any more; None if it does not say."""
    *_, flags = _CONTENT_HEAD.unpack_from(payload)
    if not flags & _EXPIRATION or flags & 1:
        return None
    at = _CONTENT_HEAD.size
    for flag, length_bytes in _BEFORE_EXPIRATION:
        if flags & flag:
            at += _length(payload, at, length_bytes)
    text = payload[at + 1 : at + _length(payload, at, 0)]
    return text if text.isdigit() and len(text) <= _MAX_EXPIRATION_DIGITS else None


def _length(payload: bytes, at: int, length_bytes: int) -> int:
    if length_bytes < 0:
        return 1
    size = length_bytes or 1
    return size + int.from_bytes(payload[at : at + size], "big")
