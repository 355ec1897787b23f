"""ICMP echo packets, and the token in them that tells our answers from everybody else's."""

from __future__ import annotations

import struct

ECHO_REQUEST_V4 = 8
ECHO_REQUEST_V6 = 128
ECHO_REPLY_V4 = 0
ECHO_REPLY_V6 = 129
NONCE_BYTES = 8

# What the packets of a volley share: type, code, checksum, identifier, sequence | nonce, time of sending, probe.
_HEADER = struct.Struct("!BBHHH")
_SHARED = struct.Struct("=8sdQ")
# What each has for itself: the serial, and all its bits turned round. The two add up to nothing in the checksum, so
# that the checksum, too, is shared. Nobody else reads either: the byte order is this machine's own.
_OWN = struct.Struct("=QQ")
_TOKEN = struct.Struct("=8sdQQ")
SHARED_BYTES = _HEADER.size + _SHARED.size
OWN_BYTES = _OWN.size
PACKET_BYTES = SHARED_BYTES + OWN_BYTES
NONCE_AT = _HEADER.size
SERIAL_AT = SHARED_BYTES
MAX_SERIAL = 2**64 - 1
_U16 = 0xFFFF


Token = tuple[bytes, float, int, int]
"""Nonce of the process, time of sending, number of the probe, serial of the round. It comes back in the echo reply: the
identifier and sequence of ICMP have 16 bits, wrap, and say nothing."""


def shared_part(kind: int, nonce: bytes, sent_at: float, number: int, *, sequence: int) -> bytes:
    """Return a packet up to its serial, without checksum: the kernel fills it in, except on raw IPv4 sockets."""
    identifier = int.from_bytes(nonce[:2], "big")
    return _HEADER.pack(kind, 0, 0, identifier, sequence & _U16) + _SHARED.pack(nonce, sent_at, number)


def own_part(serial: int) -> bytes:
    return _OWN.pack(serial, MAX_SERIAL - serial)


def with_checksum(shared: bytes) -> bytes:
    """Return the shared part with the checksum of the whole packet."""
    total = sum(struct.unpack(f"!{len(shared) // 2}H", shared))
    total = (total >> 16) + (total & _U16)
    total += total >> 16
    return shared[:2] + struct.pack("!H", ~total & _U16) + shared[4:]


def token_of(packet: bytes | bytearray, offset: int = 0) -> Token:
    """Return the token of a packet of at least PACKET_BYTES whose ICMP header starts at the offset."""
    token: Token = _TOKEN.unpack_from(packet, offset + NONCE_AT)
    return token
