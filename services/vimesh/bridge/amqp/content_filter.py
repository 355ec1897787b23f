"""Strips deliveries of what publishers choose and the bridge does not need, before the AMQP library decodes them.

The library closes the connection over a property or a routing key that it cannot decode; the broker then redelivers the
same message, forever. It also buffers a whole body in memory, however long it is. Pure: frames in, frames out.
"""

from __future__ import annotations

import struct

from vimesh.bridge.amqp.delivery_properties import parse_properties

FRAME_HEAD = struct.Struct(">BHI")
FRAME_END = b"\xce"
_METHOD, _HEADER, _BODY = 1, 2, 3
_DELIVER = struct.pack(">HH", 60, 60)
_CONTENT_HEAD = struct.Struct(">HHQ")
"""Class, weight, size of the body. The properties follow."""
_FLAG_BYTES = 2
_TAG_AND_FLAG_BYTES = 9


class ContentFilter:
    """Filters the frames of one connection, in order. Frames that are not part of a delivery pass unchanged."""

    def __init__(self, max_body_bytes: int) -> None:
        """Pass bodies of up to `max_body_bytes`; cut longer ones to one byte more, which marks them as too long."""
        self._max_body_bytes = max_body_bytes
        self._body_bytes_left: dict[int, int] = {}
        """How many bytes of a delivery's body may still pass, by channel, while its content arrives."""

    def filter_frame(self, kind: int, channel: int, payload: bytes) -> bytes:
        """Return the frame to read in place of this one; empty to drop it. Raises ValueError."""
        if kind == _METHOD:
            self._body_bytes_left.pop(channel, None)
            if payload.startswith(_DELIVER):
                self._body_bytes_left[channel] = 0
                payload = _strip_route(payload)
        elif channel in self._body_bytes_left:
            payload = self._header(channel, payload) if kind == _HEADER else self._body(channel, payload)
            if not payload:
                return b""
        return FRAME_HEAD.pack(kind, channel, len(payload)) + payload + FRAME_END

    def _header(self, channel: int, payload: bytes) -> bytes:
        if len(payload) < _CONTENT_HEAD.size + _FLAG_BYTES:
            raise ValueError("a content header is too short")
        kind, weight, size = _CONTENT_HEAD.unpack_from(payload)
        size = self._body_bytes_left[channel] = min(size, self._max_body_bytes + 1)
        properties = parse_properties(payload[_CONTENT_HEAD.size :])
        return _CONTENT_HEAD.pack(kind, weight, size) + properties.on_wire()

    def _body(self, channel: int, payload: bytes) -> bytes:
        taken = payload[: self._body_bytes_left[channel]]
        self._body_bytes_left[channel] -= len(taken)
        return taken


def _strip_route(payload: bytes) -> bytes:
    """Return Basic.Deliver without exchange and routing key: the publisher chose them, and they may not be text."""
    tag_length = payload[4] if len(payload) > 4 else 0
    end = 5 + tag_length + _TAG_AND_FLAG_BYTES
    if len(payload) < end:
        raise ValueError("a delivery is too short")
    return payload[:end] + b"\0\0"
