"""Serves TLS that makes the client work, wait, or read bytes that are not TLS."""

from __future__ import annotations

import random
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.support.hostile.hostile_certificates import context_of
from tests.support.hostile.hostile_groups import HANDSHAKE, GiantGroup, RetriedGroup, client_hello, record
from tests.support.hostile.hostile_servers import REACHABLE, RESET, TIMEOUT, TLS, Kind, Service, Talk
from tests.support.hostile.hostile_talks import ANSWER, START, drip, drips, forever, pour, pours, says

_TICKETS = 500
"""Number in one handshake. The server has to make them all, and must not be what keeps the machine busy."""
_NAMES = 1500
"""About 80 kB of certificate: OpenSSL accepts up to 100 kB."""
_ALERT = 21


def _instead_of_hello(piece: bytes) -> Talk:
    """Send one piece forever in place of the server's first message."""

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        await client_hello(reader)
        await pour(writer, piece)

    return talk


class _SlowHello:
    """Performs a proper handshake, but sends its bytes one by one."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    async def talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(record(HANDSHAKE, await client_hello(reader)))
        with suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        await drip(writer, (bytes([byte]) for byte in outgoing.read()))


def _many_tickets(folder: Path) -> Service:
    context = context_of(folder)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = _TICKETS
    return Service(says(ANSWER), context)


def _huge_certificate(folder: Path) -> Service:
    names = tuple(f"a-name-of-some-length-{number:05}.example.test" for number in range(_NAMES))
    return Service(says(ANSWER), context_of(folder, names))


def _encrypted(talk: Talk) -> Callable[[Path], Service]:
    """Perform a proper handshake, and be hostile after it."""
    return lambda folder: Service(talk, context_of(folder))


async def _close(reader: StreamReader, writer: StreamWriter) -> None:
    """Close at once."""


def _kind(name: str, prepare: Callable[[Path], Service], *expected: str) -> Kind:
    return Kind(name, frozenset(expected), prepare, scheme="https")


def _pours(piece: bytes) -> Callable[[Path], Service]:
    return lambda _: Service(_instead_of_hello(piece))


# A VIM whose handshakes are all long may read that there is no more time for it: that is not about the VIM.
NO_ROOM = "UNKNOWN LOCAL_RESOURCES"
SET_ASIDE = "UNKNOWN LOCAL_SET_ASIDE"
"""On a slow machine, its handshakes take more than 0.25 s of CPU."""

TLS_KINDS = (
    _kind("giant-group", lambda _: Service(GiantGroup().talk), TLS),
    _kind("retried-group", lambda _: Service(RetriedGroup().talk), TLS, NO_ROOM, SET_ASIDE),
    _kind("ticket-flood", _many_tickets, TLS),
    _kind("slow-handshake", lambda folder: Service(_SlowHello(context_of(folder)).talk), TIMEOUT),
    _kind("huge-certificate", _huge_certificate, REACHABLE),
    _kind("garbage-hello", _pours(random.Random(7).randbytes(16 * 1024)), TLS),
    _kind("empty-records", _pours(1000 * record(HANDSHAKE, b"")), TLS),
    _kind("warnings", _pours(1000 * record(_ALERT, b"\x01\x5a")), TLS),
    _kind("encrypted-body", _encrypted(pours(START + b"Content-Length: 9999999999\r\n\r\n", bytes(16_000))), REACHABLE),
    _kind("encrypted-drip", _encrypted(drips(START, lambda: forever(b"X-Padding: a\r\n"))), REACHABLE),
    _kind("encrypted-close", _encrypted(_close), RESET),
    _kind("plain-http", _pours(ANSWER), TLS),
)
