"""What routers and hosts said about packets that they did not deliver, as the kernel keeps it for a socket."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

MOST_AT_ONCE = 1024
"""Read in one go: one who sends errors without end does not keep the loop for itself."""

_BUFFER_BYTES = 512
_MSG_ERRQUEUE = 0x2000
_EXTENDED_ERROR = struct.Struct("=iBBBBII")
_FROM_NETWORK = (2, 3)
"""SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6: not raised by our own kernel's checks."""


class IcmpError(NamedTuple):
    """One message of the network."""

    quoted: bytes
    """The packet, as far as it is quoted."""
    number: int
    """What the kernel makes of the message: an error number; 0 if it was not the network that said it."""


def read_errors(sock: socket.socket) -> list[IcmpError]:
    """Take what is there."""
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
