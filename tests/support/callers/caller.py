"""Calls the front from outside: single HTTP requests, and a load of reports."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TYPE_CHECKING

from grpc import aio

from vimesh.v1.conductor_service_pb2 import UpdateVimRequest, UpdateVimsRequest
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2 import GetVimRequest, ListVimsRequest
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

if TYPE_CHECKING:
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

LIMIT_S = 20.0
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


@dataclass(frozen=True, slots=True)
class Stubs:
    conductor: ConductorServiceAsyncStub
    vims: VimServiceAsyncStub
    limit_s: float = LIMIT_S


async def update_vim(stubs: Stubs) -> int:
    """Return the port of the conductor that answered, as the scripted conductor reports it."""
    return (await stubs.conductor.UpdateVim(report(), timeout=stubs.limit_s)).newest_observation


async def update_vims(stubs: Stubs) -> int:
    answer = await stubs.conductor.UpdateVims(UpdateVimsRequest(reports=[report()] * 10), timeout=stubs.limit_s)
    assert len(answer.outcomes) == 10
    return UNNAMED


async def get_vim(stubs: Stubs) -> int:
    assert (await stubs.vims.GetVim(GetVimRequest(vim_id="any"), timeout=stubs.limit_s)).vim.id == "any"
    return UNNAMED


async def list_vims(stubs: Stubs) -> int:
    assert len((await stubs.vims.ListVims(ListVimsRequest(page_size=3), timeout=stubs.limit_s)).vims) == 3
    return UNNAMED


Kind = Callable[[Stubs], Awaitable[int]]
UNNAMED = 0
"""The conductor that answered is not known."""
REPORTS: tuple[Kind, ...] = (update_vim,)
WHAT_MAY_BE_MADE_TWICE: tuple[Kind, ...] = (update_vim, update_vims, get_vim, list_vims)


@dataclass(slots=True)
class Load:
    """The outcomes of the calls of many callers."""

    answered: Counter[int] = field(default_factory=Counter)
    """Number of calls by the port of the conductor that answered."""
    failed: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    _progress: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, reached: Callable[[Counter[int]], bool]) -> None:
        async with asyncio.timeout(LIMIT_S * 2):
            while not reached(self.answered):
                self._progress.clear()
                await self._progress.wait()

    async def until_more(self, count: int) -> None:
        wanted = self.answered.total() + count
        await self.until(lambda answered: answered.total() >= wanted)

    async def call(self, kind: Kind, stubs: Stubs) -> None:
        begun = time.monotonic()
        try:
            self.answered[await kind(stubs)] += 1
        except aio.AioRpcError as error:
            self.failed.append(f"{error.code().name}: {error.details()}")
        self.longest_s = max(self.longest_s, time.monotonic() - begun)
        self._progress.set()


@asynccontextmanager
async def reporting(
    address: str, *, callers: int, kinds: Sequence[Kind] = REPORTS, limit_s: float = LIMIT_S
) -> AsyncGenerator[Load]:
    """Make calls continuously until the block ends; each caller makes all kinds in turn. Callers do not retry."""
    load = Load()
    ended = asyncio.Event()
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))
    channels = [aio.insecure_channel(address, options=options) for _ in range(CHANNELS)]

    async def caller(number: int) -> None:
        channel = channels[number % CHANNELS]
        stubs = Stubs(ConductorServiceStub(channel), VimServiceStub(channel), limit_s)
        for kind in islice(cycle(kinds), number % len(kinds), None):
            if ended.is_set():
                return
            await load.call(kind, stubs)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(callers):
                group.create_task(caller(number))
            try:
                yield load
            finally:
                ended.set()
    finally:
        for channel in channels:
            await channel.close()
