"""How many fields a serialized message begins with: what a batch holds, without parsing any of it."""

from __future__ import annotations

_MORE = 0x80
"""Set in all bytes of a number but the last one."""
_LARGEST = 2**64 - 1
_MAX_NUMBER_BITS = 70
_NUMBER, _LENGTH = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}


def has_more_fields(message: bytes, most: int) -> bool:
    """Say whether more than `most` fields stand at the top level; False too where the bytes are no message.

    A group counts as more than any number: nothing of ours has one, and what it holds would have to be walked through.

    The time is in proportion to `most`, not to the message: an empty entry has two bytes, and to parse two million of
    them takes as long as to serve thousands of calls.
    """
    at, end, count = 0, len(message), 0
    try:
        while at < end:
            count += 1
            if count > most:
                return True
            # Nearly all that a batch holds: a tag of one byte, and a length of one or two.
            if message[at] & 0x87 == _LENGTH:
                length, begin = message[at + 1], at + 2
                if length >= _MORE and message[begin] < _MORE:
                    length, begin = length - _MORE + (message[begin] << 7), begin + 1
                if length < _MORE or begin == at + 3:
                    at = begin + length
                    continue
            at = _end_of_field(message, at)
    except IndexError:
        pass
    except _Group:
        return True
    return False


class _Group(Exception):
    """What would have to be walked through."""


def _end_of_field(message: bytes, at: int) -> int:
    """Raises IndexError where it is cut off, _Group."""
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
    """Read a number as protobuf does, which drops what is above 64 bits; return it and where it ends."""
    byte = message[at]
    if byte < _MORE:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while byte >= _MORE and shift < _MAX_NUMBER_BITS:
        at += 1
        byte = message[at]
        value |= (byte & 0x7F) << shift
        shift += 7
    return value & _LARGEST, at + 1
