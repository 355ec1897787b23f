"""Conductors whose database server is replaced by another one while they work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1.health_pb2 import HealthCheckResponse

from tests.conductor.test_serving import until_health
from tests.support.deployments.conductors import Client, conductor_over
from tests.support.sql.databases import SERVERS
from tests.support.sql.replicas import Pair, pair
from tests.support.sql.stores import store_at
from tests.support.timing.waiting import eventually
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import failure_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
_STATUSES = (vim_pb2.Vim.REACHABLE, vim_pb2.Vim.UNREACHABLE)
_REPORTERS = 20
_GOES_ON_S = 30.0
"""Here it takes less than a second."""


@pytest_asyncio.fixture(params=SERVERS, scope="module", loop_scope="module")
async def servers(request: pytest.FixtureRequest) -> AsyncGenerator[Pair]:
    async with pair(request.param) as running:
        yield running


@asynccontextmanager
async def conductors(servers: Pair, number: int) -> AsyncGenerator[list[Client]]:
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(store_at(servers.url)) for _ in range(number)]
        yield [await stack.enter_async_context(conductor_over(store)) for store in stores]


class Reporter:
    """Reports news of one VIM again and again, at each conductor in turn, and keeps what was answered."""

    def __init__(self, vim: vim_pb2.Vim, clients: list[Client]) -> None:
        self.vim = vim
        self._clients = clients
        self.answered: list[str] = []

    async def run(self) -> None:
        for number in count(1):
            with suppress(grpc.aio.AioRpcError):
                answer = await self._clients[number % len(self._clients)].report(
                    self.vim, _STATUSES[number % 2], number, reason=f"R{number}"
                )
                assert not answer.HasField("bad_action")
                self.answered.append(f"R{number}")


async def test_a_conductor_serves_again_without_a_restart_when_its_server_takes_writes_again(servers: Pair) -> None:
    async with AsyncExitStack() as stack:
        [client] = await stack.enter_async_context(conductors(servers, 1))
        await until_health(client, SERVING)
        vim = await client.register()
        await servers.stop_writes()
        try:
            # Nobody has tried to write.
            await until_health(client, NOT_SERVING)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.register()
            assert (await client.get(vim.id)).id == vim.id
            # One that is started now has never seen it otherwise.
            [late] = await stack.enter_async_context(conductors(servers, 1))
            await until_health(late, NOT_SERVING)
        finally:
            await servers.allow_writes()

        for each in (client, late):
            await until_health(each, SERVING)
            await each.register()
    failure = failure_of(refused.value)
    assert failure.code is grpc.StatusCode.UNAVAILABLE
    assert failure.reason == "STORE_UNAVAILABLE"
    assert "read-only" in failure.message


async def test_writes_go_on_under_load_when_another_server_takes_over_and_nothing_answered_is_lost(
    servers: Pair,
) -> None:
    """G2, G3. The last of this file: the other server is in charge then."""
    async with conductors(servers, 2) as clients:
        reporters = [Reporter(await clients[0].register(), clients) for _ in range(_REPORTERS)]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(reporter.run()) for reporter in reporters]
            await eventually(lambda: all_have(reporters, dict.fromkeys(range(_REPORTERS), 3)), _GOES_ON_S)

            await servers.switch()

            before = {number: len(reporter.answered) for number, reporter in enumerate(reporters)}
            await eventually(lambda: all_have(reporters, {n: had + 3 for n, had in before.items()}), _GOES_ON_S)
            for task in running:
                task.cancel()
        for client in clients:
            await until_health(client, SERVING)
            await client.register()
        for reporter in reporters:
            told = [event.reason for event in await events_of(clients[0], reporter.vim.id)]
            assert len(told) == len(set(told))
            assert set(reporter.answered) <= set(told)


async def all_have(reporters: list[Reporter], numbers: dict[int, int]) -> bool:
    return all(len(reporters[place].answered) >= number for place, number in numbers.items())


async def events_of(client: Client, vim_id: str) -> list[vim_pb2.VimEvent]:
    found: list[vim_pb2.VimEvent] = []
    token = ""
    while token or not found:
        request = pb.ListVimEventsRequest(vim_id=vim_id, page_size=500, page_token=token)
        page = await client.vims.ListVimEvents(request, timeout=30)
        found += page.events
        token = page.next_page_token
        if not token:
            break
    return found
