"""Serves names whose zones are silent, answer far too much, or lead nowhere."""

from __future__ import annotations

import ipaddress
import itertools
import struct
from collections.abc import Callable, Mapping
from random import Random

from tests.support.hostile.hostile_servers import REACHABLE, TIMEOUT, Kind, Service, Talk
from tests.support.hostile.hostile_talks import ANSWER, says, silent
from tests.support.networks.dns_messages import question_of
from tests.support.networks.name_server import EMPTY, SILENT, NameServer, Script

_ADDRESSES = 4000
_LINKS = 400
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_RESPONSE = 0x8180
_A, _CNAME, _IN = 1, 5, 1
_TTL_S = 5
_QUESTION = b"\xc0\x0c"
"""A pointer to the name in the question."""
_LIVING = ipaddress.ip_address("127.8.0.1")
_CROWD = ipaddress.ip_address("127.9.0.1")

NO_NAME, NO_RESOLVER = "UNREACHABLE DNS", "UNKNOWN LOCAL_RESOLVER"


def _kind(name: str, talk: Talk, *expected: str) -> Kind:
    return Kind(name, frozenset(expected), lambda _: Service(talk), zone=f"{name}.test")


NAME_KINDS = (
    _kind("silent-zone", says(ANSWER), NO_RESOLVER),
    _kind("many-addresses", silent, TIMEOUT),
    _kind("cname-loop", says(ANSWER), NO_NAME, NO_RESOLVER),
    _kind("cname-chain", says(ANSWER), REACHABLE, NO_NAME, NO_RESOLVER),
    _kind("endless-names", says(ANSWER), NO_RESOLVER),
    _kind("garbage-names", says(ANSWER), NO_RESOLVER),
)
# A resolver may give up on a loop in its own way, and may bound a chain, but it must not hang.


def _record(name: bytes, kind: int, content: bytes) -> bytes:
    return name + _RECORD.pack(kind, _IN, _TTL_S, len(content)) + content


def _answer(message: bytes, *records: bytes) -> bytes:
    question = question_of(message)
    assert question is not None
    return _HEADER.pack(question.number, _RESPONSE, 1, len(records), 0, 0) + question.raw + b"".join(records)


def _loop(message: bytes) -> bytes:
    return _answer(message, _record(_QUESTION, _CNAME, _QUESTION))


def _link(number: int) -> bytes:
    return struct.pack("!B5s", 5, b"%05d" % number) + b"\x05chain\x04test\0"


def _chain(message: bytes) -> bytes:
    names = [_QUESTION, *(_link(number) for number in range(_LINKS))]
    links = (_record(name, _CNAME, following) for name, following in itertools.pairwise(names))
    return _answer(message, *links, _record(names[-1], _A, _LIVING.packed))


def _endless(message: bytes) -> bytes:
    """Write the name of the record as a pointer to itself."""
    question = question_of(message)
    assert question is not None
    here = 0xC000 | (_HEADER.size + len(question.raw))
    return _answer(message, _record(here.to_bytes(2), _A, _LIVING.packed))


def _garbage(message: bytes) -> bytes:
    return message[:2] + Random(message).randbytes(400)


def _raw(make: Callable[[bytes], bytes]) -> Script:
    return Script(raw=make)


_SCRIPTS: Mapping[str, Mapping[str, Script]] = {
    "silent-zone": {"a": SILENT, "aaaa": SILENT},
    "many-addresses": {"a": Script(tuple(str(_CROWD + n) for n in range(_ADDRESSES)), _TTL_S), "aaaa": EMPTY},
    "cname-loop": {"a": _raw(_loop), "aaaa": _raw(_loop)},
    "cname-chain": {"a": _raw(_chain), "aaaa": EMPTY},
    "endless-names": {"a": _raw(_endless), "aaaa": _raw(_endless)},
    "garbage-names": {"a": _raw(_garbage), "aaaa": _raw(_garbage)},
}


def script_zones(server: NameServer, names: list[str]) -> None:
    """Make a name server hostile in the ways of these kinds."""
    for name in names:
        server.script(f"*.{name}.test", **_SCRIPTS[name])
