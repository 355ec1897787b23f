"""ICMP echo packets, and the token in them that tells our answers from everybody else's."""

from __future__ import annotations

import struct
from typing import NamedTuple

ECHO_REQUEST_V4 = 8
ECHO_REQUEST_V6 = 128
ECHO_REPLY_V4 = 0
ECHO_REPLY_V6 = 129
NONCE_BYTES = 8

# type, code, checksum, identifier, sequence | nonce, round, probe, time of sending
_PACKET = struct.Struct("!BBHHH8sQId")
_TOKEN = struct.Struct("!8sQId")
_HEADER_BYTES = 8
_U16 = 0xFFFF


class Token(NamedTuple):
    """What comes back in an echo reply. The identifier and sequence of ICMP have 16 bits and wrap: they say nothing."""

    nonce: bytes
    serial: int
    number: int
    sent_at: float


def echo_request(kind: int, identifier: int, token: Token) -> bytes:
    """Return a packet without checksum: the kernel fills it in, except on raw IPv4 sockets."""
    nonce, serial, number, sent_at = token
    return _PACKET.pack(kind, 0, 0, identifier, serial + number & _U16, nonce, serial, number, sent_at)


def with_checksum(packet: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & _U16)
    total += total >> 16
    return packet[:2] + struct.pack("!H", ~total & _U16) + packet[4:]


def token_of(packet: bytes | memoryview, offset: int = 0) -> Token | None:
    """Return the token of a packet whose ICMP header starts at the offset, if it is long enough to hold one."""
    if len(packet) < offset + _PACKET.size:
        return None
    return Token._make(_TOKEN.unpack_from(packet, offset + _HEADER_BYTES))
