"""Fuzzes the answers of a name server, through c-ares and our handling of them."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field

from tests.fuzz.parser import Parser
from vimesh.monitor.names.name_answers import (
    FAMILIES,
    MAX_ADDRESSES,
    Empty,
    FamilyAnswer,
    NameAddresses,
    Trouble,
    interleave,
)
from vimesh.monitor.names.name_lookup import NameLookup

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_RESPONSE, _SERVFAIL, _TRUNCATED = 0x8180, 0x8182, 0x8380
_QUESTION = b"\xc0\x0c"
_A, _CNAME, _SOA, _AAAA, _OPT, _IN = 1, 5, 6, 28, 41, 1
_WITHIN_S = 10.0
_MOST_MESSAGE = 65535
_WHOLE = 1
"""Bit in the first byte of an input: the rest is the whole message without its number."""


@dataclass(slots=True)
class _Server:
    """Answers each question with the input and then with SERVFAIL, in case the input was not an answer."""

    socket: socket.socket
    data: bytes = b""

    def answer(self) -> None:
        message, peer = self.socket.recvfrom(_MOST_MESSAGE)
        question = _question(message)
        failure = message[:2] + _HEADER.pack(0, _SERVFAIL, 1, 0, 0, 0)[2:] + question
        for reply in (message[:2] + _message(self.data, question), failure):
            self.socket.sendto(reply, peer)


def _question(message: bytes) -> bytes:
    end = message.index(0, _HEADER.size) + 5
    return message[_HEADER.size : end]


def _message(data: bytes, question: bytes) -> bytes:
    """Return everything but the number: as given, or with flags, counts and the question in front of the records."""
    if not data or data[0] & _WHOLE:
        return data[1:]
    flags_and_counts, records = data[1:9].ljust(8, b"\0"), data[9:]
    flags, *counts = struct.unpack("!HHHH", flags_and_counts)
    return _HEADER.pack(0, flags, 1, *counts)[2:] + question + records


@dataclass(slots=True)
class _Harness:
    """A lookup and the server that it asks, both kept between inputs, and made only when needed."""

    _parts: list[tuple[asyncio.AbstractEventLoop, _Server, NameLookup]] = field(default_factory=list)
    _names: int = 0

    def read(self, data: bytes) -> None:
        loop, server, look_up = self._parts[0] if self._parts else self._make()
        server.data = data
        self._names += 1  # c-ares caches the answers for a name
        told = loop.run_until_complete(_look_up(look_up, f"n{self._names}.fuzz.test"))
        assert sorted(family for family, _ in told) == sorted(FAMILIES), "not each family was told once"
        for _, answer in told:
            _check(answer)
        six, four = (
            answer.hosts if isinstance(answer, NameAddresses) else () for _, answer in sorted(told, reverse=True)
        )
        assert len(interleave(six, four)) <= MAX_ADDRESSES, "too many addresses"

    def _make(self) -> tuple[asyncio.AbstractEventLoop, _Server, NameLookup]:
        loop = asyncio.new_event_loop()
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.bind(("127.0.0.1", 0))
        server = _Server(opened)
        loop.add_reader(opened, server.answer)
        look_up = NameLookup([f"127.0.0.1:{opened.getsockname()[1]}"])
        loop.run_until_complete(_enter(look_up))
        self._parts.append((loop, server, look_up))
        return self._parts[0]

    def close(self) -> None:
        for loop, server, look_up in self._parts:
            look_up.__exit__(None, None, None)
            loop.remove_reader(server.socket)
            server.socket.close()
            loop.close()
        self._parts.clear()


async def _enter(look_up: NameLookup) -> None:
    look_up.__enter__()  # entered inside the loop, as it requires; closed in `close`


async def _look_up(look_up: NameLookup, name: str) -> list[tuple[int, FamilyAnswer]]:
    told: list[tuple[int, FamilyAnswer]] = []
    whole = asyncio.Event()

    def tell(family: int, answer: FamilyAnswer) -> None:
        told.append((family, answer))
        if len(told) == len(FAMILIES):
            whole.set()

    async with asyncio.timeout(_WITHIN_S):
        look_up(name, tell)
        await whole.wait()
    return told


def _check(answer: FamilyAnswer) -> None:
    if not isinstance(answer, NameAddresses):
        assert isinstance(answer, Empty | Trouble)
        assert answer.detail.isprintable(), f"words that garble a terminal: {answer.detail!r}"
        return
    assert 0 < len(answer.hosts) <= MAX_ADDRESSES, f"{len(answer.hosts)} addresses"
    assert answer.ttl_s is not None
    assert 0 <= answer.ttl_s < 2**32, f"kept for {answer.ttl_s} s"
    for host in answer.hosts:
        assert host.family in FAMILIES, "an address of no family that is probed"
        socket.inet_pton(host.family, host.ip)


def _record(kind: int, content: bytes, name: bytes = _QUESTION, ttl_s: int = 60) -> bytes:
    return name + _RECORD.pack(kind, _IN, ttl_s, len(content)) + content


def _answer(*records: bytes, flags: int = _RESPONSE, authority: int = 0) -> bytes:
    return b"\0" + struct.pack("!HHHH", flags, len(records) - authority, authority, 0) + b"".join(records)


_LIVING, _LIVING_SIX = _record(_A, b"\x7f\x08\0\x01"), _record(_AAAA, bytes(15) + b"\x01")
_MAPPED = _record(_AAAA, bytes(10) + b"\xff\xff\x7f\x08\0\x01")
_OWNED = _record(_SOA, b"\0\0" + struct.pack("!IIIII", 1, 3600, 600, 86400, 5))
_TARGET = b"\x05other\x04test\0"
_harness = _Harness()

PARSER = Parser(
    name="dns",
    read=_harness.read,
    seeds=(
        _answer(_LIVING, _LIVING_SIX),
        _answer(_MAPPED, _LIVING),
        _answer(*(_record(_A, number.to_bytes(4)) for number in range(200))),
        _answer(_record(_CNAME, _TARGET), _record(_A, b"\x7f\x08\0\x01", _TARGET)),
        _answer(_record(_CNAME, _QUESTION)),
        _answer(_record(_A, b"\x7f\x08\0\x01", ttl_s=2**32 - 1), _record(_A, b"\x7f\x08\0\x01\x02")),
        _answer(_LIVING, flags=_TRUNCATED),
        _answer(_OWNED, authority=1),
        _answer(_OWNED, flags=_RESPONSE | 3, authority=1),
        _answer(_record(_OPT, bytes(20), b"\0"), _LIVING),
        *(_answer(flags=_RESPONSE | rcode) for rcode in range(16)),
        b"\x01" + _HEADER.pack(0, _RESPONSE, 1, 1, 0, 0)[2:] + _TARGET + b"\0\x01\0\x01" + _LIVING,
        b"\x01" + bytes(10),
        b"\x01",
    ),
    most_bytes=4096,
    close=_harness.close,
)
