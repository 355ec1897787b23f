"""Cloud APIs that do to a prober what they should not. Each kind has a name, and the status that it deserves."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

REACHABLE = "REACHABLE"
PROTOCOL, RESET, TIMEOUT, TLS = (f"UNREACHABLE {reason}" for reason in ("PROTOCOL", "RESET", "TIMEOUT", "TLS"))

Talk = Callable[[StreamReader, StreamWriter], Awaitable[None]]

START = b"HTTP/1.1 200 OK\r\n"
ANSWER = START + b"Content-Length: 2\r\n\r\nok"
PAUSE_S = 0.01
"""Between the pieces of those that drip: a hundred a second load the prober, and not the test."""
_PIECE = 64 * 1024
_LONGEST_S = 30.0
"""For how long one connection is worked on: what the prober does not close ends all the same."""


@dataclass(frozen=True, slots=True)
class Service:
    """What happens on a connection, behind a TLS handshake as it should be if there is a context."""

    talk: Talk
    context: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be hostile, or merely odd."""

    name: str
    expected: frozenset[str]
    """How such a VIM may read: the status, and behind a blank the reason."""
    prepare: Callable[[Path], Service]
    """Makes what is served. It may leave files in the folder."""
    scheme: str = "http"
    method: str = "HTTP"
    silenced: bool = False
    """Nothing that is sent to the VIM's address arrives there: what answers all the same is forged."""
    zone: str = ""
    """The VIMs are names in this zone; empty: they are addresses."""


def _kind(name: str, talk: Talk, *expected: str) -> Kind:
    return Kind(name, frozenset(expected), lambda _: Service(talk))


@asynccontextmanager
async def serving(kinds: Iterable[Kind], folder: Path, host: str = "127.0.0.1") -> AsyncGenerator[dict[str, int]]:
    """Serve each kind on a free port; give the ports by the names. What is open at the end is cut."""
    async with AsyncExitStack() as servers:
        yield {one.name: await servers.enter_async_context(_serving(one, folder, host)) for one in kinds}


@asynccontextmanager
async def _serving(one: Kind, folder: Path, host: str) -> AsyncGenerator[int]:
    service = one.prepare(folder)
    talking: set[asyncio.Task[None]] = set()

    def begin(reader: StreamReader, writer: StreamWriter) -> None:
        # A task of ours: asyncio complains of its own ones when they are cancelled.
        task = asyncio.create_task(_talk(service, reader, writer))
        talking.add(task)
        task.add_done_callback(talking.discard)

    server = await asyncio.start_server(begin, host, 0, ssl=service.context, backlog=512)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


async def _talk(service: Service, reader: StreamReader, writer: StreamWriter) -> None:
    try:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(_LONGEST_S):
            await service.talk(reader, writer)
    except (OSError, EOFError, TimeoutError):
        pass  # the prober has hung up, which is its right
    finally:
        with suppress(OSError):
            writer.close()


async def pour(writer: StreamWriter, piece: bytes) -> None:
    """Send the same for ever, as fast as it is taken."""
    while True:
        writer.write(piece)
        await writer.drain()


async def drip(writer: StreamWriter, pieces: Iterable[bytes], pause_s: float = PAUSE_S) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause_s)


def forever(piece: bytes) -> Iterable[bytes]:
    while True:
        yield piece


def reset(writer: StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def says(answer: bytes, *, stays: bool = True) -> Talk:
    """Answer each request with these bytes; `stays`: on a connection that stays open."""

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if not stays:
                return

    return talk


def pours(begin: bytes, piece: bytes) -> Talk:
    """Answer with a begin, and then with one piece for ever."""

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begin)
        await pour(writer, piece)

    return talk


def drips(begin: bytes, pieces: Callable[[], Iterable[bytes]], pause_s: float = PAUSE_S) -> Talk:
    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begin)
        await drip(writer, pieces(), pause_s)

    return talk


async def silent(reader: StreamReader, writer: StreamWriter) -> None:  # noqa: ARG001 - one signature for all
    while await reader.read(_PIECE):
        pass


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


_GARBAGE = Random(7).randbytes(_PIECE)  # the same in each run

# The status line is the verdict: what comes behind one that is whole may be endless, and changes nothing.
HTTP_KINDS = (
    _kind("blanks-and-nul", says(START + b"X-A:" + b" " * 30_000 + b"\0\r\nContent-Length: 0\r\n\r\n"), REACHABLE),
    _kind("endless-headers", pours(START, _header(8000)), REACHABLE),
    _kind("tiny-headers", says(START + b"a:\r\n" * 100_000 + b"\r\n"), REACHABLE),
    _kind("header-drip", drips(START, lambda: forever(_header(1))), REACHABLE),
    _kind("header-bytes", drips(START, _bytewise(_header(2000) + b"Content-Length: 0\r\n\r\n"), 0.001), REACHABLE),
    _kind("status-line-drip", drips(b"HTTP/1.1 200 ", lambda: forever(b"K")), TIMEOUT),
    _kind("endless-status-line", pours(b"HTTP/1.1 200 ", b"a" * _PIECE), REACHABLE, PROTOCOL),
    _kind("endless-body", pours(START + b"Content-Length: 9999999999\r\n\r\n", bytes(_PIECE)), REACHABLE),
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
