"""Builds and parses ICMP echo packets. Each carries a token that identifies its answer."""

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

# The pings of a batch share type, code, checksum, identifier and sequence. Each has its own token, followed by the
# token's complement: the two add up to zero in the checksum, so that the checksum can be shared too. Token and sequence
# are read by this machine only, so they have its byte order.
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
    """An echo request or reply, as received or as quoted in an ICMP error."""

    kind: int
    identifier: int
    sequence: int
    payload: bytes

    @property
    def token(self) -> int | None:
        """The token; None if the payload is too short for one."""
        if len(self.payload) < TOKEN_BYTES:
            return None
        token: int = _TOKEN.unpack_from(self.payload)[0]
        return token


def new_tokens() -> Iterator[int]:
    """Yield unguessable tokens: only a host that received the ping, or saw it pass, can answer it."""
    while True:
        yield from array("Q", os.urandom(_TOKENS_AT_ONCE * TOKEN_BYTES))


def header(kind: int, identifier: int, sequence: int) -> bytes:
    """Return a packet up to its token, without checksum: the kernel fills it in, except on raw IPv4 sockets."""
    return _HEADER.pack(kind, 0, 0, identifier, sequence & _U16)


def packet(kind: int, identifier: int, token: int) -> bytes:
    """Return a complete packet, without checksum."""
    return _PACKET.pack(kind, 0, 0, identifier, token & _U16, token, _MAX_TOKEN - token)


def token_payload(token: int) -> bytes:
    """Return the payload that follows the header: the token and its complement."""
    return _OWN.pack(token, _MAX_TOKEN - token)


def with_checksum(shared: bytes) -> bytes:
    """Return a header or a packet with the checksum of the whole packet."""
    total = sum(struct.unpack_from(f"!{HEADER_BYTES // 2}H", shared))
    total = (total >> 16) + (total & _U16)
    total += total >> 16
    return shared[:2] + struct.pack("!H", ~total & _U16) + shared[4:]


def parse_echo(message: bytes) -> Echo | None:
    """Parse an ICMP message; None if it is shorter than its header."""
    if len(message) < HEADER_BYTES:
        return None
    kind, _, _, identifier, sequence = _HEADER.unpack_from(message)
    return Echo(kind, identifier, sequence, message[HEADER_BYTES:])


def strip_ip_header(datagram: bytes) -> bytes:
    """Return the payload of an IPv4 datagram; empty if its stated header length is too short or beyond its end."""
    if len(datagram) < _IP_HEADER_BYTES:
        return b""
    header_bytes = (datagram[0] & 15) * _IP_LENGTH_UNIT_BYTES
    return datagram[header_bytes:] if header_bytes >= _IP_HEADER_BYTES else b""
