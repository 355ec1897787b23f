"""Forges answers to pings that are wrong or too many: requests are seen on loopback, and answered by a raw socket."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, closing
from dataclasses import dataclass

from tests.support.hostile.hostile_servers import REACHABLE, TIMEOUT, Kind, Service
from tests.support.hostile.hostile_talks import silent

_ALL_PROTOCOLS = 3
_LOOPBACK_HEADER_BYTES = 14
_IP_HEADER_BYTES = 20
_ECHO_REQUEST, _ECHO_REPLY = 8, 0
_TOKEN = slice(8, 16)
_DUPLICATES = 100
"""Per request: twenty VIMs with a request every two seconds cause a thousand replies per second, and no more."""
_MOST_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Request:
    source: bytes
    destination: bytes
    message: bytes
    """The ICMP message: header and token."""


@dataclass(frozen=True, slots=True)
class Reply:
    source: bytes
    destination: bytes
    message: bytes


Forge = Callable[[Request], Iterable[Reply]]


def _answer(request: Request, message: bytes, *, source: bytes | None = None) -> Reply:
    """Make an echo reply from a message, with the right type and checksum."""
    reply = bytes([_ECHO_REPLY, 0, 0, 0]) + message[4:]
    reply = reply[:2] + struct.pack("!H", _checksum(reply)) + reply[4:]
    return Reply(source or request.destination, request.source, reply)


def _checksum(message: bytes) -> int:
    padded = message + bytes(len(message) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _other_token(request: Request) -> Iterable[Reply]:
    message = bytearray(request.message)
    message[_TOKEN] = bytes(octet ^ 0xFF for octet in message[_TOKEN])
    yield _answer(request, bytes(message))


def _short(request: Request) -> Iterable[Reply]:
    for length in (8, 12, 16, len(request.message) - 1):
        yield _answer(request, request.message[:length])


def _foreign(request: Request) -> Iterable[Reply]:
    yield _answer(request, request.message, source=ipaddress.ip_address("127.9.9.9").packed)


def _many(request: Request) -> Iterable[Reply]:
    for _ in range(_DUPLICATES):
        yield _answer(request, request.message)


def _kind(name: str, *expected: str, silenced: bool = True) -> Kind:
    return Kind(name, frozenset(expected), lambda _: Service(silent), method="PING", silenced=silenced)


FORGERIES: Mapping[str, Forge] = {
    "forged-replies": _other_token,
    "short-replies": _short,
    "foreign-replies": _foreign,
    "reply-flood": _many,
}
PING_KINDS = (
    _kind("forged-replies", TIMEOUT),
    _kind("short-replies", REACHABLE),
    _kind("foreign-replies", TIMEOUT),
    _kind("reply-flood", REACHABLE, silenced=False),
)


@asynccontextmanager
async def forging(networks: Mapping[str, ipaddress.IPv4Network]) -> AsyncGenerator[None]:
    """Forge answers to pings to these networks, which are given by the name of the kind. Needs CAP_NET_RAW."""
    with _sniffer() as sniffer, _forger() as forger:
        loop = asyncio.get_running_loop()

        def look() -> None:
            for request in _requests(sniffer):
                for reply in _replies(request, networks):
                    _send(forger, reply)

        loop.add_reader(sniffer, look)
        try:
            yield
        finally:
            loop.remove_reader(sniffer)


def _replies(request: Request, networks: Mapping[str, ipaddress.IPv4Network]) -> Iterable[Reply]:
    destination = ipaddress.IPv4Address(request.destination)
    for name, network in networks.items():
        if destination in network:
            yield from FORGERIES[name](request)


def _sniffer() -> AbstractContextManager[socket.socket]:
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    sniffer.setblocking(False)
    sniffer.bind(("lo", _ALL_PROTOCOLS))
    return closing(sniffer)


def _forger() -> AbstractContextManager[socket.socket]:
    forger = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    forger.setblocking(False)
    return closing(forger)


def _requests(sniffer: socket.socket) -> Iterable[Request]:
    for _ in range(_MOST_AT_ONCE):
        try:
            frame, (_, _, packet_type, *_) = sniffer.recvfrom(65536)
        except BlockingIOError:
            return
        # A packet on the loopback interface is seen twice: when it leaves, and when it arrives.
        if packet_type == socket.PACKET_OUTGOING and (request := _request(frame[_LOOPBACK_HEADER_BYTES:])):
            yield request


def _request(packet: bytes) -> Request | None:
    if len(packet) < _IP_HEADER_BYTES + 8 or packet[0] != 0x45 or packet[9] != socket.IPPROTO_ICMP:
        return None
    message = packet[_IP_HEADER_BYTES:]
    return Request(packet[12:16], packet[16:20], message) if message[0] == _ECHO_REQUEST else None


def _send(forger: socket.socket, reply: Reply) -> None:
    # The kernel fills in length, identification and checksum.
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_ICMP, 0, reply.source, reply.destination)
    forger.sendto(header + reply.message, (socket.inet_ntoa(reply.destination), 0))
