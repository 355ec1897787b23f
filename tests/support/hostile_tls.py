"""TLS servers that make the client work, wait, or read what is none."""

from __future__ import annotations

import os
import random
import ssl
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.hostile_certificates import certificate_of, context_of
from tests.support.hostile_servers import REACHABLE, RESET, TIMEOUT, TLS, Kind, Service, Talk
from tests.support.hostile_talks import ANSWER, START, drip, drips, forever, pour, pours, says

_TICKETS = 500
"""In one handshake. The server has to make them all, and must not be what keeps the machine busy."""
_GROUP_BITS = 10_000
_NAMES = 1500
"""About 80 kB of certificate: OpenSSL takes up to 100 kB of them."""
_HANDSHAKE, _ALERT = 22, 21
_DHE_RSA_AES128_GCM_SHA256 = b"\x00\x9e"


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(content)) + content


def _sized(content: bytes, size_bytes: int) -> bytes:
    return len(content).to_bytes(size_bytes, "big") + content


async def _client_hello(reader: StreamReader) -> bytes:
    """Read the first record; return what is in it."""
    _, _, length = struct.unpack("!BHH", await reader.readexactly(5))
    return await reader.readexactly(length)


def _instead_of_hello(piece: bytes) -> Talk:
    """Send one piece for ever where the server's first message should come."""

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        await _client_hello(reader)
        await pour(writer, piece)

    return talk


class _GiantGroup:
    """Answers with a Diffie-Hellman group of 10,000 bits: the client's turn takes more than a second of CPU."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self._certificate = certificate_of(self._key).public_bytes(serialization.Encoding.DER)
        prime, own = (random.getrandbits(_GROUP_BITS) | 1 << (_GROUP_BITS - 1) | 1 for _ in range(2))
        numbers = (prime, 2, own >> 1)
        self._group = b"".join(_sized(one.to_bytes((one.bit_length() + 7) // 8, "big"), 2) for one in numbers)

    async def talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        client_random = (await _client_hello(reader))[6:38]
        messages = self._flight(client_random)
        for start in range(0, len(messages), 16_000):
            writer.write(_record(_HANDSHAKE, messages[start : start + 16_000]))
        await writer.drain()
        await reader.read()

    def _flight(self, client_random: bytes) -> bytes:
        server_random = os.urandom(32)
        renegotiation = b"\xff\x01\x00\x01\x00"
        hello = b"\x03\x03" + server_random + b"\0" + _DHE_RSA_AES128_GCM_SHA256 + b"\0" + _sized(renegotiation, 2)
        signed = client_random + server_random + self._group
        signature = b"\x04\x01" + _sized(self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256()), 2)
        certificates = _sized(_sized(self._certificate, 3), 3)
        parts = ((2, hello), (11, certificates), (12, self._group + signature), (14, b""))
        return b"".join(bytes([kind]) + _sized(content, 3) for kind, content in parts)


class _SlowHello:
    """Shakes hands as it should, but for its bytes, which come one by one."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    async def talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(_record(_HANDSHAKE, await _client_hello(reader)))
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
    """Shake hands as it should be, and be hostile behind that."""
    return lambda folder: Service(talk, context_of(folder))


async def _close(reader: StreamReader, writer: StreamWriter) -> None:
    """Close at once."""


def _kind(name: str, prepare: Callable[[Path], Service], *expected: str) -> Kind:
    return Kind(name, frozenset(expected), prepare, scheme="https")


def _pours(piece: bytes) -> Callable[[Path], Service]:
    return lambda _: Service(_instead_of_hello(piece))


TLS_KINDS = (
    _kind("giant-group", lambda _: Service(_GiantGroup().talk), TLS),
    _kind("ticket-flood", _many_tickets, TLS),
    _kind("slow-handshake", lambda folder: Service(_SlowHello(context_of(folder)).talk), TIMEOUT),
    _kind("huge-certificate", _huge_certificate, REACHABLE),
    _kind("garbage-hello", _pours(random.Random(7).randbytes(16 * 1024)), TLS),
    _kind("empty-records", _pours(1000 * _record(_HANDSHAKE, b"")), TLS),
    _kind("warnings", _pours(1000 * _record(_ALERT, b"\x01\x5a")), TLS),
    _kind("encrypted-body", _encrypted(pours(START + b"Content-Length: 9999999999\r\n\r\n", bytes(16_000))), REACHABLE),
    _kind("encrypted-drip", _encrypted(drips(START, lambda: forever(b"X-Padding: a\r\n"))), REACHABLE),
    _kind("encrypted-close", _encrypted(_close), RESET),
    _kind("plain-http", _pours(ANSWER), TLS),
)
