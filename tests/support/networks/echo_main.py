"""Sees every ping of its namespace, and answers some of them as no host should.

`echo_main.py RULE NETWORK [ADDRESS]` prints each ping as a line of JSON, [destination, identifier]. It answers pings to
the network by the rule; the kernel should be kept from answering them too.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_ALL_PROTOCOLS = 3
_SO_RCVBUFFORCE = 33
_BUFFER_BYTES = 16 << 20
_FRAME_HEADER_BYTES = 14
_IP_HEADER_BYTES = 20
_ECHO_REQUEST = 8
_GUESSES = 100
_LATE_S = 0.2
"""Longer than the time between volleys: at any moment, some answers are under way."""
_NO_OPERATION = b"\x01"
_OWN = struct.Struct("=QQ")
_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Request:
    source: bytes
    destination: bytes
    message: bytes
    """The ICMP message."""


def main() -> None:
    rule_name, network, *addresses = sys.argv[1:]
    near = ipaddress.IPv4Network(network)
    rule = _RULES[rule_name]
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS)) as seen,
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as out,
    ):
        seen.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        seen.bind(("lo", _ALL_PROTOCOLS))
        _say("ready")
        while True:
            frame, (_, _, packet_type, *_) = seen.recvfrom(65536)
            request = _request_in(frame[_FRAME_HEADER_BYTES:])
            # On the loopback interface each packet is seen twice: when it leaves, and when it arrives.
            if request is None or packet_type != socket.PACKET_OUTGOING:
                continue
            _say([socket.inet_ntoa(request.destination), int.from_bytes(request.message[4:6], "big")])
            if ipaddress.IPv4Address(request.destination) in near:
                for delay_s, packet in rule(request, [socket.inet_aton(address) for address in addresses]):
                    _send(out, delay_s, packet, request.source)


def _say(line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _send(out: socket.socket, delay_s: float, packet: bytes, to: bytes) -> None:
    name = (socket.inet_ntoa(to), 0)
    if not delay_s:
        out.sendto(packet, name)
        return
    timer = threading.Timer(delay_s, out.sendto, (packet, name))
    timer.daemon = True
    timer.start()


def _request_in(packet: bytes) -> Request | None:
    if len(packet) < _IP_HEADER_BYTES + 8 or packet[0] != 0x45 or packet[9] != socket.IPPROTO_ICMP:
        return None
    message = packet[_IP_HEADER_BYTES:]
    return Request(packet[12:16], packet[16:20], message) if message[0] == _ECHO_REQUEST else None


def _reply(request: Request, payload: bytes, *, source: bytes | None = None, kind: int = 0, options: int = 0) -> bytes:
    """Make the IP packet, with this many bytes of `options` in its header."""
    message = bytes([kind, 0, 0, 0]) + request.message[4:8] + payload
    message = message[:2] + struct.pack("!H", _checksum(message)) + message[4:]
    words = (_IP_HEADER_BYTES + options) // 4
    # The kernel fills in length, identification and checksum.
    fields = (0x40 | words, 0, 0, 0, 0, 64, socket.IPPROTO_ICMP, 0, source or request.destination, request.source)
    return struct.pack("!BBHHHBBH4s4s", *fields) + _NO_OPERATION * options + message


def _checksum(message: bytes) -> int:
    padded = message + bytes(len(message) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


Rule = Callable[[Request, list[bytes]], Iterable[tuple[float, bytes]]]
"""Seconds until each answer, and the answer."""


def _watch(_: Request, __: list[bytes]) -> Iterable[tuple[float, bytes]]:
    return ()


def _late(request: Request, _: list[bytes]) -> Iterable[tuple[float, bytes]]:
    yield _LATE_S, _reply(request, request.message[8:])


def _as_late_as_the_address_says(request: Request, _: list[bytes]) -> Iterable[tuple[float, bytes]]:
    """Answer after as many milliseconds as the last byte of the address says."""
    yield request.destination[-1] / 1000, _reply(request, request.message[8:])


def _guess(request: Request, neighbours: list[bytes]) -> Iterable[tuple[float, bytes]]:
    """Answer, and also answer for the neighbours by guessing numbers next to one's own."""
    payload = request.message[8:]
    yield 0, _reply(request, payload)
    own, _ = _OWN.unpack(payload[-_OWN.size :])
    for neighbour in neighbours:
        for number in range(max(0, own - _GUESSES), min(_MAX, own + _GUESSES)):
            forged = payload[: -_OWN.size] + _OWN.pack(number, _MAX - number)
            yield 0, _reply(request, forged, source=neighbour)


def _empty(request: Request, _: list[bytes]) -> Iterable[tuple[float, bytes]]:
    yield 0, _reply(request, b"")


def _cut(request: Request, _: list[bytes]) -> Iterable[tuple[float, bytes]]:
    yield 0, _reply(request, request.message[8:13])


def _elsewhere(request: Request, addresses: list[bytes]) -> Iterable[tuple[float, bytes]]:
    for address in addresses:
        yield 0, _reply(request, request.message[8:], source=address)


def _with_options(request: Request, _: list[bytes]) -> Iterable[tuple[float, bytes]]:
    yield 0, _reply(request, request.message[8:], options=8)


def _garbage(request: Request, _: list[bytes]) -> Iterable[tuple[float, bytes]]:
    """Send many packets that are not answers: other payloads, other types, other lengths."""
    payload = request.message[8:]
    for other in (bytes(len(payload)), payload[::-1], payload[:3] + b"\xff", bytes(1400), payload[1:]):
        for options in (0, 4, 40):
            yield 0, _reply(request, other, options=options)
    for kind in (3, 5, 11, 13, 42, 255):
        yield 0, _reply(request, payload, kind=kind)


_RULES: dict[str, Rule] = {
    "watch": _watch,
    "late": _late,
    "as late as the address says": _as_late_as_the_address_says,
    "guess": _guess,
    "empty": _empty,
    "cut": _cut,
    "elsewhere": _elsewhere,
    "with options": _with_options,
    "garbage": _garbage,
}


if __name__ == "__main__":
    main()
