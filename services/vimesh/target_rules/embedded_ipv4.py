"""Finds the IPv4 addresses that packets to an IPv6 address reach in the end."""

from __future__ import annotations

_MAPPED = bytes(10) + b"\xff\xff"
"""::ffff:a.b.c.d: an IPv6 socket sends IPv4 packets to it (RFC 4291)."""
_IN_THE_LAST_BYTES = (
    bytes(12),  # ::a.b.c.d, through a tunnel (RFC 4291)
    bytes(8) + b"\xff\xff\0\0",  # ::ffff:0:a.b.c.d, through a translator (RFC 7915)
    bytes.fromhex("0064ff9b0000000000000000"),  # 64:ff9b::a.b.c.d, through NAT64 (RFC 6052)
    bytes.fromhex("0064ff9b0001"),  # 64:ff9b:1::/48, the same with prefixes of one's own; /96 of them (RFC 8215)
)
_6TO4 = bytes.fromhex("2002")
"""2002:aabb:ccdd::, through a tunnel to a.b.c.d (RFC 3056)."""
_TEREDO = bytes.fromhex("20010000")
"""2001:0:aabb:ccdd:…: a.b.c.d is the server; the last bytes, inverted, are the client (RFC 4380)."""
_NOT_EMBEDDED = frozenset({bytes(16), bytes(15) + b"\1"})
""":: and ::1 are addresses of their own."""
_FIRST_BYTES = frozenset(b"\x00\x20")
"""Of all these."""


def addresses_reached(ip: bytes) -> tuple[bytes, ...]:
    """Return each address that packets to the address may reach: itself, and those that it contains, all packed."""
    if len(ip) == 4 or ip[0] not in _FIRST_BYTES or ip in _NOT_EMBEDDED:
        return (ip,)
    if ip.startswith(_MAPPED):
        return (ip[12:],)
    if ip.startswith(_IN_THE_LAST_BYTES):
        return ip, ip[12:]
    if ip.startswith(_6TO4):
        return ip, ip[2:6]
    if ip.startswith(_TEREDO):
        return ip, ip[4:8], bytes(byte ^ 0xFF for byte in ip[12:])
    return (ip,)
