"""ICMP echo packets, and the token in them that tells our answers from everybody else's."""

from __future__ import annotations

import struct

ECHO_REQUEST_V4 = 8
ECHO_REQUEST_V6 = 128
ECHO_REPLY_V4 = 0
ECHO_REPLY_V6 = 129
NONCE_BYTES = 8

# type, code, checksum, identifier, sequence | nonce, round, probe, time of sending
_PACKET = struct.Struct("!BBHHH8sQId")
_TOKEN = struct.Struct("!8sQId")
_HEADER_BYTES = 8
PACKET_BYTES = _PACKET.size
_U16 = 0xFFFF


Token = tuple[bytes, int, int, float]
"""Nonce of the process, serial of the round, number of the probe, time of sending. It comes back in the echo reply: the
identifier and sequence of ICMP have 16 bits, wrap, and say nothing."""


def echo_request(kind: int, identifier: int, token: Token) -> bytes:
    """Return a packet without checksum: the kernel fills it in, except on raw IPv4 sockets."""
    nonce, serial, number, sent_at = token
    return _PACKET.pack(kind, 0, 0, identifier, serial + number & _U16, nonce, serial, number, sent_at)


def with_checksum(packet: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & _U16)
    total += total >> 16
    return packet[:2] + struct.pack("!H", ~total & _U16) + packet[4:]


def token_of(packet: bytes | bytearray, offset: int = 0) -> Token:
    """Return the token of a packet of at least PACKET_BYTES whose ICMP header starts at the offset."""
    token: Token = _TOKEN.unpack_from(packet, offset + _HEADER_BYTES)
    return token
