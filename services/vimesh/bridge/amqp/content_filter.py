"""What a publisher chose of a delivery, cut down to what is of use here, before the AMQP library decodes it.

The library ends the connection over a property or a routing key that it cannot decode; the broker then delivers the
same message again, for ever. And it collects a body in memory, however long that is. Pure: frames in, frames out.
"""

from __future__ import annotations

import struct

from vimesh.bridge.amqp.delivery_properties import properties_from

FRAME_HEAD = struct.Struct(">BHI")
FRAME_END = b"\xce"
_METHOD, _HEADER, _BODY = 1, 2, 3
_DELIVER = struct.pack(">HH", 60, 60)
_CONTENT_HEAD = struct.Struct(">HHQ")
"""Class, weight, size of the body. Then come the properties."""
_FLAG_BYTES = 2
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
        if len(payload) < _CONTENT_HEAD.size + _FLAG_BYTES:
            raise ValueError("a content header is too short")
        kind, weight, size = _CONTENT_HEAD.unpack_from(payload)
        size = self._room[channel] = min(size, self._max_body_bytes + 1)
        properties = properties_from(payload[_CONTENT_HEAD.size :])
        return _CONTENT_HEAD.pack(kind, weight, size) + properties.on_wire()

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
