"""Serves random answers: a good answer is mutated, and sent after a random time, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random

from tests.fuzz.mutations import mutated
from tests.fuzz.parser import Parser

_GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_LONGEST_S = 2.0
_MOST_BYTES = 256 * 1024
_MUTATED = 0.8
"""Share of answers that are mutated."""
_RESET, _CLOSE, _SILENT, _AGAIN = "reset", "close", "silent", "again"
_ENDS = (_RESET, _CLOSE, _SILENT, _AGAIN)


@dataclass(slots=True)
class RandomServer:
    """`answers` are sent in clear text, and in place of the bytes of a TLS server."""

    answers: Parser
    random: Random
    served: int = 0

    async def talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.served += 1
        async with asyncio.timeout(_LONGEST_S):
            await self._converse(reader, writer)

    async def _converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        random = self.random
        while True:
            if random.random() < 0.95:  # otherwise it sends first
                await reader.read(4096)
            await _deliver(random, writer, self._answer())
            match random.choice(_ENDS):
                case "reset":
                    _reset(writer)
                    return
                case "close":
                    return
                case "silent":
                    await asyncio.sleep(_LONGEST_S)

    def _answer(self) -> bytes:
        seeds: Sequence[bytes] = self.answers.seeds
        chosen = self.random.choice(seeds)[1:]  # the first byte decides how an input is cut
        if self.random.random() > _MUTATED:
            return chosen
        return mutated(self.random, chosen, seeds, _MOST_BYTES)


async def _deliver(random: Random, writer: StreamWriter, answer: bytes) -> None:
    """Send in up to ten pieces, with or without pauses between them."""
    cuts = sorted(random.randint(0, len(answer)) for _ in range(random.randint(0, 9)))
    pause_s = random.choice((0.0, 0.0, 0.001, 0.05))
    for start, end in zip((0, *cuts), (*cuts, len(answer)), strict=True):
        writer.write(answer[start:end])
        await writer.drain()
        await asyncio.sleep(pause_s)


def _reset(writer: StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def talk_well(reader: StreamReader, writer: StreamWriter) -> None:
    """Answer each request correctly."""
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_GOOD)
        await writer.drain()


_LAST_ITERATIONS = 5
Talk = Callable[[StreamReader, StreamWriter], Coroutine[None, None, None]]


@contextmanager
def serving(*talks: Talk) -> Generator[list[int]]:
    """Serve each on a port, in a loop and a thread of their own; yields the ports."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="servers")
    thread.start()
    tasks: set[asyncio.Task[None]] = set()
    servers = asyncio.run_coroutine_threadsafe(_start(talks, tasks), loop).result(20)
    try:
        yield [server.sockets[0].getsockname()[1] for server in servers]
    finally:
        asyncio.run_coroutine_threadsafe(_end(servers, tasks), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


async def _start(talks: Sequence[Talk], tasks: set[asyncio.Task[None]]) -> list[asyncio.Server]:
    return [await asyncio.start_server(_in_task(talk, tasks), "127.0.0.1", 0, backlog=512) for talk in talks]


def _in_task(talk: Talk, tasks: set[asyncio.Task[None]]) -> Callable[[StreamReader, StreamWriter], None]:
    """Talk in a task of our own: asyncio logs an error when its own tasks are cancelled."""

    def begin(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(_talk(talk, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # Not by the task: it may be cancelled before it begins.
        task.add_done_callback(lambda _: _close(writer))

    return begin


async def _talk(talk: Talk, reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError, EOFError, TimeoutError):
        await talk(reader, writer)


def _close(writer: StreamWriter) -> None:
    # Bytes that the prober does not read would keep the transport open.
    end = writer.transport.abort if writer.transport.get_write_buffer_size() else writer.close
    end()


async def _end(servers: Sequence[asyncio.Server], tasks: set[asyncio.Task[None]]) -> None:
    for server in servers:
        server.close()
    # What was accepted in the last moment has its task in the next iteration, in which transports close, too.
    for _ in range(_LAST_ITERATIONS):
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
