"""Counts the top-level fields of a serialized message, to bound a batch without parsing it."""

from __future__ import annotations

_CONTINUATION = 0x80
"""Continuation bit of a varint: set in every byte but the last."""
_LARGEST = 2**64 - 1
_MAX_NUMBER_BITS = 70
_NUMBER, _LENGTH = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}


def has_more_fields(message: bytes, max_count: int) -> bool:
    """Return whether the top level has more than `max_count` fields; False also if the bytes are not a message.

    A group counts as more than any number: our messages have none, and its content would have to be walked.

    The time is proportional to `max_count`, not to the size of the message. An empty entry takes two bytes, and parsing
    two million of them takes as long as serving thousands of calls.
    """
    at, end, count = 0, len(message), 0
    try:
        while at < end:
            count += 1
            if count > max_count:
                return True
            # Fast path for nearly all fields of a batch: a tag of one byte, and a length of one or two.
            if message[at] & 0x87 == _LENGTH:
                length, begin = message[at + 1], at + 2
                if length >= _CONTINUATION and message[begin] < _CONTINUATION:
                    length, begin = length - _CONTINUATION + (message[begin] << 7), begin + 1
                if length < _CONTINUATION or begin == at + 3:
                    at = begin + length
                    continue
            at = _end_of_field(message, at)
    except IndexError:
        pass
    except _Group:
        return True
    return False


class _Group(Exception):
    """A group was found, whose content would have to be walked."""


def _end_of_field(message: bytes, at: int) -> int:
    """Return where the field at `at` ends. Raises IndexError if it is cut off, _Group if it is a group."""
    tag, at = _number(message, at)
    wire_type = tag & 7
    if wire_type == _LENGTH:
        length, at = _number(message, at)
        return at + length
    if wire_type == _NUMBER:
        return _number(message, at)[1]
    if wire_type in _FIXED_BYTES:
        return at + _FIXED_BYTES[wire_type]
    raise _Group


def _number(message: bytes, at: int) -> tuple[int, int]:
    """Read a varint as protobuf does, which drops bits above 64; return the value and where it ends."""
    byte = message[at]
    if byte < _CONTINUATION:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while byte >= _CONTINUATION and shift < _MAX_NUMBER_BITS:
        at += 1
        byte = message[at]
        value |= (byte & 0x7F) << shift
        shift += 7
    return value & _LARGEST, at + 1
