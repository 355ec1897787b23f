"""ICMP echo packets, and the token in each that tells its answer from everything else."""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator
from typing import NamedTuple

ECHO_REQUEST_V4 = 8
ECHO_REQUEST_V6 = 128
ECHO_REPLY_V4 = 0
ECHO_REPLY_V6 = 129

# Type, code, checksum, identifier and sequence, which the pings of a batch share; and what each has for itself: its
# token, and all bits of that turned round. The two add up to nothing in the checksum, so that the checksum, too, is
# shared. Nobody else reads token and sequence: the byte order is this machine's own.
_HEADER = struct.Struct("=BBHHH")
_PACKET = struct.Struct("=BBHHHQQ")
_OWN = struct.Struct("=QQ")
_TOKEN = struct.Struct("=Q")
_IP_LENGTH_UNIT_BYTES = 4
_IP_HEADER_BYTES = 20
HEADER_BYTES = _HEADER.size
TOKEN_BYTES = _TOKEN.size
PACKET_BYTES = _PACKET.size
TOKEN_AT = HEADER_BYTES
_TOKENS_AT_ONCE = 64
_MAX_TOKEN = 2**64 - 1
_U16 = 0xFFFF


class Echo(NamedTuple):
    """An echo request or reply as it came in, or as it is quoted."""

    kind: int
    identifier: int
    sequence: int
    payload: bytes

    @property
    def token(self) -> int | None:
        """The token in it; None if its payload is too short for one."""
        if len(self.payload) < TOKEN_BYTES:
            return None
        token: int = _TOKEN.unpack_from(self.payload)[0]
        return token


def new_tokens() -> Iterator[int]:
    """Yield tokens that cannot be guessed: only who got the ping, or sees it pass, can answer it."""
    while True:
        yield from array("Q", os.urandom(_TOKENS_AT_ONCE * TOKEN_BYTES))


def header(kind: int, identifier: int, sequence: int) -> bytes:
    """Return a packet up to its token, without checksum: the kernel fills it in, except on raw IPv4 sockets."""
    return _HEADER.pack(kind, 0, 0, identifier, sequence & _U16)


def packet(kind: int, identifier: int, token: int) -> bytes:
    """Return a packet by itself, without checksum."""
    return _PACKET.pack(kind, 0, 0, identifier, token & _U16, token, _MAX_TOKEN - token)


def own_part(token: int) -> bytes:
    """Return what follows the header."""
    return _OWN.pack(token, _MAX_TOKEN - token)


def with_checksum(shared: bytes) -> bytes:
    """Return a header or a packet with the checksum of the whole packet."""
    total = sum(struct.unpack_from(f"!{HEADER_BYTES // 2}H", shared))
    total = (total >> 16) + (total & _U16)
    total += total >> 16
    return shared[:2] + struct.pack("!H", ~total & _U16) + shared[4:]


def echo_in(message: bytes) -> Echo | None:
    """Take an ICMP message apart; None if it is shorter than its header."""
    if len(message) < HEADER_BYTES:
        return None
    kind, _, _, identifier, sequence = _HEADER.unpack_from(message)
    return Echo(kind, identifier, sequence, message[HEADER_BYTES:])


def behind_ip_header(datagram: bytes) -> bytes:
    """Return what an IPv4 datagram carries; nothing if it says that its header is longer than itself, or too short."""
    if len(datagram) < _IP_HEADER_BYTES:
        return b""
    header_bytes = (datagram[0] & 15) * _IP_LENGTH_UNIT_BYTES
    return datagram[header_bytes:] if header_bytes >= _IP_HEADER_BYTES else b""
