"""Reads the error queue of a socket: ICMP errors from routers and hosts about undelivered packets."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

MOST_AT_ONCE = 1024
"""Maximum per read: a peer that never stops sending errors cannot occupy the loop."""

_BUFFER_BYTES = 512
_MSG_ERRQUEUE = 0x2000
_EXTENDED_ERROR = struct.Struct("=iBBBBII")
_FROM_NETWORK = (2, 3)
"""SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6: not raised by checks of the local kernel."""


class IcmpError(NamedTuple):
    """One entry of the error queue."""

    quoted: bytes
    """The undelivered packet, as far as it is quoted."""
    number: int
    """The error number that the kernel derived from the message; 0 if it does not come from the network."""


def read_errors(sock: socket.socket) -> list[IcmpError]:
    """Remove and return the queued errors, at most MOST_AT_ONCE."""
    errors: list[IcmpError] = []
    while len(errors) < MOST_AT_ONCE:
        try:
            quoted, messages, _, _ = sock.recvmsg(_BUFFER_BYTES, _BUFFER_BYTES, _MSG_ERRQUEUE)
        except OSError:
            break  # nothing more
        errors.append(IcmpError(quoted, _number_in(messages)))
    return errors


def _number_in(messages: list[tuple[int, int, bytes]]) -> int:
    for _, _, data in messages:
        if len(data) >= _EXTENDED_ERROR.size:
            number, origin, *_ = _EXTENDED_ERROR.unpack_from(data)
            if origin in _FROM_NETWORK:
                return int(number)
    return 0
