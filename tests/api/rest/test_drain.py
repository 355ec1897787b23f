"""An api process that is told to stop: it says so first, and finishes what it has; fronts send the rest elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass

import grpc

from tests.support.callers.caller import Answer, ask
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.deployments.rest_doors import scripted
from tests.support.timing.waiting import eventually, until
from vimesh.api.api_process import ApiSettings
from vimesh.api.rest.rest_app import RestSettings, rest_app
from vimesh.envoy.traffic.clusters import HTTP_HEALTH_PATH
from vimesh.http.http_listener import listening
from vimesh.http.serve_fronts import serve
from vimesh.http.server_drain import HEALTH_PATH
from vimesh.rpc.channels import channel
from vimesh.rpc.rpc_table import CHANGE_S
from vimesh.v1 import vim_pb2, vim_service_pb2_grpc
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

SLOW = "/v1.0/vims/a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"
QUICK = "/v1.0/"
LIMIT_S = 30.0
LONG_S = 300.0
"""Longer than any test: what ends before was finished, and not given up."""
Context = grpc.aio.ServicerContext[object, object]


class SlowConductor(vim_service_pb2_grpc.VimServiceServicer):
    """Answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def GetVim(self, request: pb.GetVimRequest, context: Context) -> pb.GetVimResponse:  # noqa: ARG002, N802 - the RPC
        self.asked += 1
        await self.may_answer.wait()
        return pb.GetVimResponse(vim=vim_pb2.Vim(id=request.vim_id))


class Server:
    """Serves the REST API until it is told to stop."""

    def __init__(self, conductor: str, drain_s: float) -> None:
        self._conductor = conductor
        self._drain_s = drain_s
        self.stop = asyncio.Event()
        self.address = ""

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Server]:
        async with asyncio.TaskGroup() as tasks:
            with listening("127.0.0.1:0") as listener:
                self.address = f"127.0.0.1:{listener.getsockname()[1]}"
                async with channel(self._conductor) as front:
                    app = rest_app(VimServiceStub(front), RestSettings(call_timeout_s=LONG_S))
                    self.ended = tasks.create_task(
                        serve(app, listener, self.stop.wait, drain_s=self._drain_s, grace_s=LONG_S)
                    )
                    try:
                        yield self
                    finally:
                        self.ended.cancel()


@dataclass
class Site:
    conductor: SlowConductor
    servers: list[Server]


@asynccontextmanager
async def site(count: int = 1, drain_s: float = 0.0) -> AsyncGenerator[Site]:
    conductor = SlowConductor()  # type: ignore[abstract]  # the other calls are not made
    async with scripted(conductor) as address, AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(Server(address, drain_s).running()) for _ in range(count)]
        yield Site(conductor, servers)


async def request_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> tuple[int, bool]:
    """Return the status, and whether the connection is kept."""
    writer.write(f"GET {path} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT_S)).decode().lower()
    length = next(int(line.split()[1]) for line in head.split("\r\n") if line.startswith("content-length:"))
    await reader.readexactly(length)
    return int(head.split(" ", 2)[1]), "connection: close" not in head


async def test_health_fails_while_a_request_is_finished_and_others_are_served_and_closed() -> None:
    async with site(drain_s=LONG_S) as running:
        [server] = running.servers
        host, port = server.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        with closing(writer):
            assert await request_on(reader, writer, HEALTH_PATH) == (200, True)
            assert await request_on(reader, writer, QUICK) == (200, True)
            answer = asyncio.create_task(ask(server.address, "GET", SLOW))
            await until(lambda: running.conductor.asked == 1, LIMIT_S)

            server.stop.set()
            await eventually(lambda: fails(server), LIMIT_S)
            # A front that has not looked yet sends it on the connection that it has, and has to leave that.
            assert await request_on(reader, writer, QUICK) == (200, False)
            assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""

        running.conductor.may_answer.set()
        finished = await answer
        assert (finished.status, finished.headers["connection"]) == (200, "close")


async def fails(server: Server) -> bool:
    return (await ask(server.address, "GET", HEALTH_PATH)).status == 503


async def test_a_front_sends_nothing_more_to_a_process_that_drains_and_no_request_fails() -> None:
    async with site(count=2, drain_s=LONG_S) as running:
        stopping, other = running.servers
        async with running_envoy(["127.0.0.1:1"], api=[stopping.address, other.address]) as envoy:
            await eventually(lambda: are_healthy(envoy, {stopping.address, other.address}), LIMIT_S)
            slow: list[asyncio.Task[Answer]] = []
            while await number_of(envoy, stopping, "rq_active") == 0:
                slow.append(asyncio.create_task(ask(envoy.address, "GET", SLOW)))
                await until(lambda: running.conductor.asked == len(slow), LIMIT_S)

            stopping.stop.set()
            quick: list[Answer] = []
            while not await are_healthy(envoy, {other.address}):
                quick.append(await ask(envoy.address, "GET", QUICK))
            before = await number_of(envoy, stopping, "rq_total")
            quick.extend([await ask(envoy.address, "GET", QUICK) for _ in range(20)])
            assert await number_of(envoy, stopping, "rq_total") == before

            running.conductor.may_answer.set()
            answers = [*quick, *await asyncio.gather(*slow)]

    assert {answer.status for answer in answers} == {200}


async def hosts(envoy: RunningEnvoy) -> dict[str, dict[str, str]]:
    """Return what the front knows of each api process, by its address."""
    lines = [line.split("::") for line in (await envoy.admin("/clusters")).splitlines() if line.startswith("api::127.")]
    found: dict[str, dict[str, str]] = {}
    for _, address, key, value in lines:
        found.setdefault(address, {})[key] = value
    return found


async def are_healthy(envoy: RunningEnvoy, wanted: set[str]) -> bool:
    return {address for address, host in (await hosts(envoy)).items() if host["health_flags"] == "healthy"} == wanted


async def number_of(envoy: RunningEnvoy, server: Server, name: str) -> int:
    return int((await hosts(envoy))[server.address][name])


async def test_a_request_is_finished_after_the_listener_was_closed() -> None:
    async with site() as running:
        [server] = running.servers
        answer = asyncio.create_task(ask(server.address, "GET", SLOW))
        await until(lambda: running.conductor.asked == 1, LIMIT_S)
        server.stop.set()
        await eventually(lambda: is_closed(server.address), LIMIT_S)

        running.conductor.may_answer.set()
        assert (await answer).status == 200
        await asyncio.wait_for(server.ended, LIMIT_S)


async def is_closed(address: str) -> bool:
    host, port = address.split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


def test_what_a_request_waits_for_fits_into_the_time_to_finish() -> None:
    assert ApiSettings(address="").grace_s > RestSettings().call_timeout_s
    assert ApiSettings(address="").grace_s >= CHANGE_S


def test_fronts_ask_where_the_process_answers() -> None:
    assert HTTP_HEALTH_PATH == HEALTH_PATH
