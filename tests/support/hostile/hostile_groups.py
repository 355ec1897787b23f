"""Serves TLS with key-exchange groups that cost the client much CPU."""

from __future__ import annotations

import hashlib
import os
import random
import struct
from asyncio import StreamReader, StreamWriter

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.hostile.hostile_certificates import certificate_of

_GROUP_BITS = 10_000
_FFDHE8192 = b"\x01\x04"
_SHARE_BYTES = 1024
HANDSHAKE, _APPLICATION_DATA = 22, 23
_DHE_RSA_AES128_GCM_SHA256, _AES128_GCM_SHA256 = b"\x00\x9e", b"\x13\x01"
_SESSION_AT = 38
"""Offset in a ClientHello at which the session id, to be repeated, starts."""
_KEY_SHARE, _SUPPORTED_VERSIONS = b"\x00\x33", b"\x00\x2b"


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(content)) + content


def _sized(content: bytes, size_bytes: int) -> bytes:
    return len(content).to_bytes(size_bytes, "big") + content


async def client_hello(reader: StreamReader) -> bytes:
    """Read the first record, and return its content."""
    _, _, length = struct.unpack("!BHH", await reader.readexactly(5))
    return await reader.readexactly(length)


class GiantGroup:
    """Answers with a Diffie-Hellman group of 10,000 bits: the client's share takes more than a second of CPU."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self._certificate = certificate_of(self._key).public_bytes(serialization.Encoding.DER)
        prime, own = (random.getrandbits(_GROUP_BITS) | 1 << (_GROUP_BITS - 1) | 1 for _ in range(2))
        numbers = (prime, 2, own >> 1)
        self._group = b"".join(_sized(one.to_bytes((one.bit_length() + 7) // 8, "big"), 2) for one in numbers)

    async def talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        client_random = (await client_hello(reader))[6:38]
        messages = self._flight(client_random)
        for start in range(0, len(messages), 16_000):
            writer.write(record(HANDSHAKE, messages[start : start + 16_000]))
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


class RetriedGroup:
    """Requests another hello in TLS 1.3, with a group of 8,192 bits, and answers it with bytes that do not decrypt."""

    async def talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        session = _session_of(await client_hello(reader))
        retry = hashlib.sha256(b"HelloRetryRequest").digest()
        writer.write(record(HANDSHAKE, _hello(retry, session, _FFDHE8192)))
        await writer.drain()
        while not (await client_hello(reader)).startswith(b"\x01"):
            pass  # sent for compatibility with middleboxes
        share = _FFDHE8192 + _sized(b"\x01" + os.urandom(_SHARE_BYTES - 1), 2)
        writer.write(record(HANDSHAKE, _hello(os.urandom(32), session, share)))
        writer.write(record(_APPLICATION_DATA, os.urandom(100)))
        await writer.drain()
        await reader.read()


def _session_of(client_hello: bytes) -> bytes:
    length = client_hello[_SESSION_AT]
    return client_hello[_SESSION_AT + 1 : _SESSION_AT + 1 + length]


def _hello(server_random: bytes, session: bytes, share: bytes) -> bytes:
    extensions = _SUPPORTED_VERSIONS + _sized(b"\x03\x04", 2) + _KEY_SHARE + _sized(share, 2)
    hello = b"\x03\x03" + server_random + _sized(session, 1) + _AES128_GCM_SHA256 + b"\0" + _sized(extensions, 2)
    return b"\x02" + _sized(hello, 3)
