"""Serves cloud APIs that answer over HTTP, or something like it, in ways that a prober has to survive."""

from __future__ import annotations

import asyncio
import gzip
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterable
from random import Random

from tests.support.hostile.hostile_servers import PROTOCOL, REACHABLE, RESET, TIMEOUT, Kind, Service, Talk
from tests.support.hostile.hostile_talks import ANSWER, PIECE_BYTES, START, drips, forever, pours, reset, says, silent


async def _banner(reader: StreamReader, writer: StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await silent(reader, writer)


async def _resets_on_accept(reader: StreamReader, writer: StreamWriter) -> None:  # noqa: ARG001 - one signature for all
    reset(writer)


async def _resets_after_request(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    reset(writer)


async def _resets_after_answer(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    await writer.drain()
    await asyncio.sleep(0.1)
    reset(writer)


def _bytewise(answer: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: (bytes([byte]) for byte in answer)


def _header(length: int) -> bytes:
    return b"X-Padding: " + b"a" * length + b"\r\n"


def _bomb() -> bytes:
    packed = gzip.compress(bytes(64 << 20))
    return START + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


def _kind(name: str, talk: Talk, *expected: str) -> Kind:
    return Kind(name, frozenset(expected), lambda _: Service(talk))


_GARBAGE = Random(7).randbytes(PIECE_BYTES)  # the same in every run

# The status line decides the verdict: bytes after a complete one may be endless, and change nothing.
HTTP_KINDS = (
    _kind("blanks-and-nul", says(START + b"X-A:" + b" " * 30_000 + b"\0\r\nContent-Length: 0\r\n\r\n"), REACHABLE),
    _kind("endless-headers", pours(START, _header(8000)), REACHABLE),
    _kind("tiny-headers", says(START + b"a:\r\n" * 100_000 + b"\r\n"), REACHABLE),
    _kind("header-drip", drips(START, lambda: forever(_header(1))), REACHABLE),
    _kind("header-bytes", drips(START, _bytewise(_header(2000) + b"Content-Length: 0\r\n\r\n"), 0.001), REACHABLE),
    _kind("status-line-drip", drips(b"HTTP/1.1 200 ", lambda: forever(b"K")), TIMEOUT),
    _kind("endless-status-line", pours(b"HTTP/1.1 200 ", b"a" * PIECE_BYTES), REACHABLE, PROTOCOL),
    _kind("endless-body", pours(START + b"Content-Length: 9999999999\r\n\r\n", bytes(PIECE_BYTES)), REACHABLE),
    _kind("endless-chunks", pours(START + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 8000), REACHABLE),
    _kind("endless-1xx", pours(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), PROTOCOL),
    _kind("redirects", says(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"), REACHABLE),
    Kind("gzip-bomb", frozenset({REACHABLE}), lambda _: Service(says(_bomb()))),
    _kind("two-answers", says(ANSWER + ANSWER), REACHABLE),
    _kind("garbage", says(_GARBAGE, stays=False), PROTOCOL),
    _kind("garbage-for-ever", pours(b"", _GARBAGE), PROTOCOL),
    _kind("banner", _banner, PROTOCOL),
    _kind("half-answer", says(b"HTTP/1.1 2", stays=False), PROTOCOL),
    _kind("reset-on-accept", _resets_on_accept, RESET),
    _kind("reset-after-request", _resets_after_request, RESET),
    _kind("reset-after-answer", _resets_after_answer, REACHABLE),
    _kind("silent", silent, TIMEOUT),
)
