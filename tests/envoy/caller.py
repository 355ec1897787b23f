"""Callers from outside: HTTP requests, and a load of reports."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grpc import aio

from vimesh.v1.conductor_service_pb2 import UpdateVimRequest
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_pb2 import Vim

if TYPE_CHECKING:
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub

LIMIT_S = 10.0
CHANNELS = 4


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        assert self.headers["content-type"] == "application/json"
        read = json.loads(self.body)
        assert isinstance(read, dict)
        return read


async def ask(
    address: str, method: str, path: str, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    return await asyncio.to_thread(_ask, address, method, path, body, headers or {})


def _ask(address: str, method: str, path: str, body: str | bytes | None, headers: Mapping[str, str]) -> Answer:
    connection = http.client.HTTPConnection(address, timeout=LIMIT_S)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def report(vim_id: str = "any") -> UpdateVimRequest:
    return UpdateVimRequest(vim_id=vim_id, status=Vim.REACHABLE, action_id="a")


@dataclass(slots=True)
class Load:
    """What became of the reports of many callers."""

    answered: Counter[int] = field(default_factory=Counter)
    """Reports by the port of the conductor that answered."""
    failed: list[str] = field(default_factory=list)
    _progress: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, reached: Callable[[Counter[int]], bool]) -> None:
        async with asyncio.timeout(LIMIT_S * 2):
            while not reached(self.answered):
                self._progress.clear()
                await self._progress.wait()

    async def until_more(self, count: int) -> None:
        wanted = self.answered.total() + count
        await self.until(lambda answered: answered.total() >= wanted)

    async def call(self, stub: ConductorServiceAsyncStub) -> None:
        try:
            answer = await stub.UpdateVim(report(), timeout=LIMIT_S)
            self.answered[answer.newest_observation] += 1
        except aio.AioRpcError as error:
            self.failed.append(f"{error.code().name}: {error.details()}")
        self._progress.set()


@asynccontextmanager
async def reporting(address: str, *, callers: int) -> AsyncGenerator[Load]:
    """Report without a pause until the block ends. No caller retries by itself."""
    load = Load()
    ended = asyncio.Event()
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))
    channels = [aio.insecure_channel(address, options=options) for _ in range(CHANNELS)]

    async def caller(stub: ConductorServiceAsyncStub) -> None:
        while not ended.is_set():
            await load.call(stub)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(callers):
                group.create_task(caller(ConductorServiceStub(channels[number % CHANNELS])))
            try:
                yield load
            finally:
                ended.set()
    finally:
        for channel in channels:
            await channel.close()
