"""What the REST door says when the conductors are in trouble, and how the process starts and stops."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import grpc
import pytest

from tests.support.callers.caller import ask
from tests.support.callers.running import running
from tests.support.deployments.conductors import conductor_at
from tests.support.deployments.envoys import running_envoy
from tests.support.deployments.rest_doors import Door, door_to, refusal, scripted
from tests.support.timing.waiting import eventually, until
from vimesh.api.rest.rest_app import RestSettings
from vimesh.cli.base.command_settings import API_LISTEN
from vimesh.domain.errors import Overloaded, StoreUnavailable, VimeshError
from vimesh.v1 import vim_pb2, vim_service_pb2_grpc
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import DETAILS_KEY, internal_status, rich_status

VIM = "vims/a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"
Context = grpc.aio.ServicerContext[object, object]


class Troubled(vim_service_pb2_grpc.VimServiceServicer):
    """A conductor that does to each call what a test wants; of a list, the first page comes well."""

    def __init__(self, trouble: Callable[[Context], Awaitable[None]]) -> None:
        self._trouble = trouble

    async def GetVim(self, request: pb.GetVimRequest, context: Context) -> pb.GetVimResponse:  # noqa: N802 - the RPC
        await self._trouble(context)
        return pb.GetVimResponse(vim=vim_pb2.Vim(id=request.vim_id))

    async def ListVims(self, request: pb.ListVimsRequest, context: Context) -> pb.ListVimsResponse:  # noqa: N802 - the RPC
        if request.page_token:
            await self._trouble(context)
        return pb.ListVimsResponse(vims=[vim_pb2.Vim(name="first")], next_page_token="more")


def troubled(trouble: Callable[[Context], Awaitable[None]]) -> AbstractAsyncContextManager[str]:
    return scripted(Troubled(trouble))  # type: ignore[abstract]  # the other calls are not made


def failing(error: VimeshError) -> Callable[[Context], Awaitable[None]]:
    async def trouble(context: Context) -> None:
        code, status = rich_status(error)
        await context.abort(code, status.message, ((DETAILS_KEY, status.SerializeToString()),))

    return trouble


@pytest.mark.parametrize("error", [StoreUnavailable(), Overloaded()], ids=lambda error: type(error).__name__)
async def test_trouble_that_passes_says_to_come_back(error: VimeshError) -> None:
    async with troubled(failing(error)) as conductor, door_to(conductor) as door:
        answer = await door.send("GET", VIM)

    assert refusal(answer) == (503, "ServiceUnavailable", str(error))
    assert answer.headers["retry-after"] == "1"


async def test_without_conductors_nothing_of_ours_is_told() -> None:
    async with door_to("127.0.0.1:1") as door:
        for path in (VIM, "vims", "events"):
            answer = await door.send("GET", path)
            said = (503, "ServiceUnavailable", "no conductor can be reached; try again later")
            assert (refusal(answer), answer.headers["retry-after"]) == (said, "1")


async def test_a_conductor_that_says_nothing_is_waited_for_only_so_long() -> None:
    async def hang(_context: Context) -> None:
        await asyncio.Event().wait()

    async with troubled(hang) as conductor, door_to(conductor, RestSettings(call_timeout_s=0.2)) as door:
        assert refusal(await door.send("GET", VIM))[:2] == (504, "GatewayTimeout")


async def test_a_defect_is_named_and_not_shown() -> None:
    async def break_down(context: Context) -> None:
        code, status = internal_status("0123456789ab")
        await context.abort(code, status.message, ((DETAILS_KEY, status.SerializeToString()),))

    async def crash(_context: Context) -> None:
        raise RuntimeError("s3cret")

    async with troubled(break_down) as conductor, door_to(conductor) as door:
        said = "internal error; look for 0123456789ab in the logs"
        assert refusal(await door.send("GET", VIM)) == (500, "HTTPInternalServerError", said)
    async with troubled(crash) as conductor, door_to(conductor) as door:
        answer = await door.send("GET", VIM)
        assert answer.status == 500
        assert b"s3cret" not in answer.body


async def test_a_list_that_breaks_off_breaks_the_connection() -> None:
    async with troubled(failing(StoreUnavailable())) as conductor, door_to(conductor) as door:
        with pytest.raises(http.client.IncompleteRead) as broken:
            await door.send("GET", "vims")
        assert b'"name": "first"' in broken.value.partial

        async with running_envoy([conductor], api=[door.address]) as envoy:

            async def lists() -> bool:
                try:
                    answer = await ask(envoy.address, "GET", "/v1.0/vims")
                except http.client.IncompleteRead as error:
                    return b'"name": "first"' in error.partial
                # Envoy has not looked after the door yet; a whole list would be a lie.
                assert answer.status == 503, answer.body
                return False

            await eventually(lists, 20)


async def test_the_front_without_api_processes_speaks_tackers_way(tmp_path: Path) -> None:
    async with (
        conductor_at(tmp_path / "vimesh.sqlite") as client,
        running_envoy([client.address], api=["127.0.0.1:1"]) as envoy,
    ):
        answer = await Door(envoy.address).send("GET", "vims.json")
        elsewhere = await ask(envoy.address, "GET", "/v2/")

    status, _, message = refusal(answer)
    assert (status, message) == (503, "HTTP 503 no api process answers")
    assert elsewhere.json()["message"] == "no such path"


async def test_a_process_finishes_what_it_was_asked_before_it_ends(tmp_path: Path) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def wait(_context: Context) -> None:
        asked.set()
        await go.wait()

    async with troubled(wait) as conductor:
        flags = ("--address", conductor, "--listen", "127.0.0.1:0", "--log-format", "json")
        with running(tmp_path, "api", *flags) as api:
            said = await asyncio.to_thread(api.line_with, "api is serving")
            door = Door(f"127.0.0.1:{json.loads(said)['port']}")
            async with asyncio.TaskGroup() as tasks:
                answer = tasks.create_task(door.send("GET", VIM))
                await asyncio.wait_for(asked.wait(), 10)
                api.process.terminate()
                await until(lambda: not listens(door.address), 10)
                go.set()
            assert answer.result().status == 200
            assert await asyncio.to_thread(api.ended) == 0


def listens(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


async def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    assert API_LISTEN.default == "127.0.0.1:7602"
    async with door_to("127.0.0.1:1") as door:
        with running(tmp_path, "api", "--listen", door.address) as api:
            line = await asyncio.to_thread(api.line_with, "error: ")
            assert line.startswith(f"error: listen: cannot listen on {door.address}: ")
            assert await asyncio.to_thread(api.ended) == 1
