"""Extracts those properties of a delivery that the bridge needs, in a form that the AMQP library can decode. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vimesh.tracing.spans import TRACEPARENT

_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS, _EXPIRATION, _USER_ID = 0x8000, 0x4000, 0x2000, 0x0100, 0x0010
_MORE_FLAGS = 1
_BYTE, _TIME, _SHORT, _LONG = -1, -8, 1, 4
"""How a property is encoded: as one byte or eight, or as data after a length of one byte or of four."""
_LAYOUT = (
    (_CONTENT_TYPE, _SHORT),
    (_CONTENT_ENCODING, _SHORT),
    (_HEADERS, _LONG),
    (0x1000, _BYTE),
    (0x0800, _BYTE),
    (0x0400, _SHORT),
    (0x0200, _SHORT),
    (_EXPIRATION, _SHORT),
    (0x0080, _SHORT),
    (0x0040, _TIME),
    (0x0020, _SHORT),
    (_USER_ID, _SHORT),
)
"""The properties up to the last one that is needed, in wire order: the flag of each, and its encoding."""
_MAX_EXPIRATION_DIGITS = 10
_MAX_NAME_BYTES = 64
_COMPRESSION = b"compression"
"""The header in which kombu states how a body is compressed."""
_TRACEPARENT = TRACEPARENT.encode()
_FIXED_SIZES = {
    **dict.fromkeys(b"tbB", 1),
    **dict.fromkeys(b"sUu", 2),
    **dict.fromkeys(b"Iif", 4),
    **dict.fromkeys(b"lLdT", 8),
    ord("D"): 5,
    ord("V"): 0,
}
"""Bytes of a value in a table, by its type."""
_COUNTED = frozenset(b"SxAF")
_TEXT, _VOID = ord("S"), ord("V")
_MOST_HEADERS = 200
"""Further headers are ignored: those that matter are among the first few."""
_NO_NAME = b"?"


@dataclass(frozen=True, slots=True)
class DeliveryProperties:
    """Each is printable, and ASCII but for the user; empty if it is absent or unusable."""

    content_type: bytes = b""
    content_encoding: bytes = b""
    compression: bytes = b""
    """`?` if it is present but not a text."""
    traceparent: bytes = b""
    """Of W3C Trace Context; `?` as with `compression`."""
    expiration: bytes = b""
    """Milliseconds after which the caller no longer needs the message."""
    user_id: bytes = b""
    """The broker's user that published it, in UTF-8. The broker refuses a message that names another one."""

    def on_wire(self) -> bytes:
        """Encode flags and values."""
        flags, values = 0, b""
        for flag, value in (
            (_CONTENT_TYPE, _short(self.content_type)),
            (_CONTENT_ENCODING, _short(self.content_encoding)),
            (_HEADERS, _table({_COMPRESSION: self.compression, _TRACEPARENT: self.traceparent})),
            (_EXPIRATION, _short(self.expiration)),
            (_USER_ID, _short(self.user_id)),
        ):
            if value:
                flags |= flag
                values += value
        return flags.to_bytes(2, "big") + values


def parse_properties(payload: bytes) -> DeliveryProperties:
    """Decode flags and values, whatever they contain."""
    flags = int.from_bytes(payload[:2], "big")
    if flags & _MORE_FLAGS:
        return DeliveryProperties()
    at, values = 2, dict.fromkeys((flag for flag, _ in _LAYOUT), b"")
    for flag, form in _LAYOUT:
        if flags & flag:
            length = int.from_bytes(payload[at : at + form], "big") if form > 0 else -form
            at += max(form, 0)
            values[flag] = payload[at : at + length]
            at += length
    headers = _needed_headers(values[_HEADERS])
    return DeliveryProperties(
        content_type=_name(values[_CONTENT_TYPE]),
        content_encoding=_name(values[_CONTENT_ENCODING]),
        compression=headers[_COMPRESSION],
        traceparent=headers[_TRACEPARENT],
        expiration=_milliseconds(values[_EXPIRATION]),
        user_id=_user(values[_USER_ID]),
    )


def _needed_headers(table: bytes) -> dict[bytes, bytes]:
    """Return the texts of headers; the last one if one is repeated, as a library that reads all of them would."""
    at, texts = 0, {_COMPRESSION: b"", _TRACEPARENT: b""}
    for _ in range(_MOST_HEADERS):
        key_end = at + 1 + (table[at] if at < len(table) else 0)
        if key_end >= len(table):
            break
        key, kind, at = table[at + 1 : key_end], table[key_end], key_end + 1
        if kind in _COUNTED:
            length = int.from_bytes(table[at : at + 4], "big")
            at += 4
        elif (length := _FIXED_SIZES.get(kind, -1)) < 0:
            break  # its length is unknown
        if key in texts:
            texts[key] = _name(table[at : at + length]) if kind == _TEXT else b"" if kind == _VOID else _NO_NAME
        at += length
    return texts


def _name(value: bytes) -> bytes:
    """Return a form that is safe to compare with names, and to log."""
    return bytes(byte if 0x20 < byte < 0x7F else ord(_NO_NAME) for byte in value[:_MAX_NAME_BYTES])


def _user(value: bytes) -> bytes:
    """Return the name as it is, or nothing: a name that was changed could be that of another user."""
    try:
        return value if value.decode().isprintable() else b""
    except UnicodeDecodeError:
        return b""


def _milliseconds(value: bytes) -> bytes:
    return value if value.isdigit() and len(value) <= _MAX_EXPIRATION_DIGITS else b""


def _short(value: bytes) -> bytes:
    return bytes((len(value),)) + value if value else b""


def _table(texts: Mapping[bytes, bytes]) -> bytes:
    entries = b"".join(
        _short(key) + bytes((_TEXT,)) + len(text).to_bytes(4, "big") + text for key, text in texts.items() if text
    )
    return len(entries).to_bytes(4, "big") + entries if entries else b""
