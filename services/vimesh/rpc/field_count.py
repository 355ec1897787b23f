"""How many fields a serialized message begins with: what a batch holds, without parsing any of it."""

from __future__ import annotations

_MORE = 0x80
"""Set in all bytes of a number but the last one."""
_LARGEST = 2**64 - 1
_MAX_NUMBER_BITS = 70
_NUMBER, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


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
            tag, at = _number(message, at)
            wire_type = tag & 7
            if wire_type == _LENGTH:
                length, at = _number(message, at)
                at += length
            elif wire_type == _NUMBER:
                _, at = _number(message, at)
            elif wire_type == _EIGHT_BYTES:
                at += 8
            elif wire_type == _FOUR_BYTES:
                at += 4
            else:
                return True
            if count > most:
                return True
    except IndexError:
        pass
    return False


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
