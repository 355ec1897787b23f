"""Fuzzes the bytes of a TLS server before it is trusted: its hello, its messages, its alerts."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.handshakes import NAME, shake_hands
from tests.fuzz.parser import Parser
from tests.fuzz.pieces import pieces_of
from tests.support.hostile.hostile_certificates import context_of
from vimesh.monitor.probes.tls.tls_trust import lenient_context

_MOST_BYTES = 24 * 1024
_ODD = (
    b"\x15\x03\x03\x00\x02\x02\x28",  # a fatal alert: handshake failure
    b"\x15\x03\x03\x00\x02\x02\x74",  # a fatal alert: certificate required
    b"\x15\x03\x03\x00\x02\x01\x70" * 20,  # warnings
    b"\x16\x03\x03\x00\x00" * 50,  # empty records
    b"\x14\x03\x03\x00\x01\x01" * 50,  # unexpected changes of the cipher
    b"\x16\x03\x03\x40\x01" + bytes(100),  # longer than a record may be
    b"\x16\x03\x03\x00\x04\x0e\xff\xff\xff",  # a message that never ends
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
)


def _read(data: bytes) -> None:
    """The first byte decides how the input is cut, and whether certificates must be valid."""
    shake_hands(bool(data and data[0] & 1), pieces_of(data))


def _flight(version: ssl.TLSVersion) -> bytes:
    """Return the first flight of a server. That of TLS 1.2 contains its certificate in clear text."""
    with tempfile.TemporaryDirectory() as folder:
        context = context_of(Path(folder))
    context.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = lenient_context().wrap_bio(ssl.MemoryBIO(), to_server, server_hostname=NAME)
    for side in (client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return to_client.read()


def _seeds() -> Iterator[bytes]:
    flights = (_flight(ssl.TLSVersion.TLSv1_2), _flight(ssl.TLSVersion.TLSv1_3))
    for first in (b"\x00", b"\x01", b"\x80", b"\x81"):
        yield from (first + seed for seed in (*flights, *_ODD))


PARSER = Parser(name="tls", read=_read, seeds=tuple(_seeds()), most_bytes=_MOST_BYTES)
