"""The TypeScript client keeps the words of the contract: what it repeats, how it watches, what its errors say."""

from __future__ import annotations

import asyncio
import json
import subprocess
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.samples.language_samples import CALLS, NODE, SAMPLES, built_program
from tests.samples.test_unsteady_conductor import serving
from tests.support.callers.running import Running, running
from tests.support.deployments.conductors import conductor_at
from tests.support.timing.waiting import until
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.conductor.watches.watch_streams import WatchLimits
from vimesh.v1 import conductor_service_pb2, vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceServicer
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer

PACKAGE = SAMPLES / "typescript"
Context = grpc.aio.ServicerContext[object, object]
Vim, Event = vim_pb2.Vim, vim_pb2.VimEvent
_END_S = 60

pytestmark = pytest.mark.timeout(200)


@pytest.fixture(autouse=True)
def _built() -> None:
    built_program("typescript")


def calling(folder: Path, address: str, *scenario: str) -> Any:  # noqa: ANN401 - a context manager of Running
    return running(folder, *scenario, program=(NODE, CALLS), VIMESH_ADDRESS=address)


async def printed(calls: Running) -> list[dict[str, Any]]:
    """Return what a scenario printed, after its end."""
    await until(lambda: calls.process.poll() is not None, _END_S)
    assert calls.ended() == 0, calls.lines
    return [json.loads(line) for line in calls.lines]


def test_the_generated_code_is_what_the_contract_says(tmp_path: Path) -> None:
    subprocess.run([NODE, PACKAGE / "generate.mjs", tmp_path], check=True, timeout=_END_S)

    def content(folder: Path) -> dict[Path, bytes]:
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert content(tmp_path) == content(PACKAGE / "src/gen"), "run `npm run generate` in samples/typescript"


def test_the_package_holds_the_client_and_no_sample(tmp_path: Path) -> None:
    # Without the build, which is what is tested here.
    command: list[str | Path] = ["npm", "pack", "--ignore-scripts", "--json", "--pack-destination", tmp_path]
    done = subprocess.run(command, cwd=PACKAGE, check=True, capture_output=True, timeout=_END_S)
    names = {file["path"] for file in json.loads(done.stdout)[0]["files"]}

    assert {"README.md", "dist/index.d.ts", "dist/node.js", "dist/gen/vimesh/v1/vim_service_pb.js"} <= names
    assert not any("sample" in name or name.startswith("src/") for name in names)


class OnceRefusing(VimServiceServicer, ConductorServiceServicer):
    """Refuses each request once, as a conductor that ends does."""

    def __init__(self) -> None:
        self.sent = Counter[bytes]()

    async def _take(self, request: Any, context: Context) -> None:  # noqa: ANN401 - any message
        """Refuse a request that comes for the first time; one with a new request_id is the same."""
        self.sent[type(request).__name__.encode() + request.SerializeToString()] += 1
        if self.sent[type(request).__name__.encode() + request.SerializeToString()] == 1:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the conductor ends")

    async def RegisterVim(self, request: pb.RegisterVimRequest, context: Context) -> pb.RegisterVimResponse:  # noqa: N802 - the RPC
        await self._take(request, context)
        return pb.RegisterVimResponse(vim=Vim(id="registered"))

    async def GetVim(self, request: pb.GetVimRequest, context: Context) -> pb.GetVimResponse:  # noqa: N802 - the RPC
        await self._take(request, context)
        return pb.GetVimResponse(vim=Vim(id=request.vim_id))

    async def ModifyVim(self, request: pb.ModifyVimRequest, context: Context) -> pb.ModifyVimResponse:  # noqa: N802 - the RPC
        await self._take(request, context)
        return pb.ModifyVimResponse(vim=Vim(id=request.vim.id))

    async def DeregisterVim(self, request: pb.DeregisterVimRequest, context: Context) -> pb.DeregisterVimResponse:  # noqa: N802 - the RPC
        await self._take(request, context)
        return pb.DeregisterVimResponse()

    async def UpdateVim(  # noqa: N802 - the RPC
        self, request: conductor_service_pb2.UpdateVimRequest, context: Context
    ) -> conductor_service_pb2.UpdateVimResponse:
        await self._take(request, context)
        return conductor_service_pb2.UpdateVimResponse(status=Vim.REACHABLE)


async def test_calls_are_repeated_as_the_contract_allows(tmp_path: Path) -> None:
    vim_id = str(uuid.uuid4())
    conductor = OnceRefusing()  # type: ignore[abstract]  # the other calls are not made
    async with serving(conductor, conductor) as address:
        with calling(tmp_path, address, "retries", vim_id) as calls:
            came = await printed(calls)

    refused = {"code": "Unavailable", "reason": "", "attempts": 1, "fields": []}
    assert came == [
        {"result": "registered"},  # with the request_id that the client makes
        refused,  # without one
        {"result": vim_id},
        {"result": vim_id},
        refused,  # with an etag
        {},  # deregistered: there is nothing to return
        refused,  # a report
    ]


async def test_errors_have_reasons_and_waits_end(tmp_path: Path) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        with calling(tmp_path, client.address, "calls") as calls:
            waited_for = await asyncio.to_thread(calls.line_with, "waits", within_s=_END_S)
            await client.report(await client.get(json.loads(waited_for)["waits"]), Vim.REACHABLE)
            came = await printed(calls)

    gone = {"code": "NotFound", "reason": "VIM_NOT_FOUND", "attempts": 1, "fields": []}
    assert came[0] == {"code": "AlreadyExists", "reason": "NAME_TAKEN", "attempts": 1, "fields": []}
    assert came[1] == {"code": "InvalidArgument", "reason": "BAD_INPUT", "attempts": 1, "fields": ["vim.auth_url"]}
    assert came[2] == {"names": ["first", "second"]}
    assert came[4] == {"result": "first"}
    assert came[5]["failed"] == "WaitTimeout"
    assert came[5]["message"].endswith("is REACHABLE after 0.3 s")
    assert came[6:] == [gone, gone]


async def test_a_watch_starts_with_all_vims_and_goes_on_after_a_position(tmp_path: Path) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        vim = await client.register(name="first")
        with calling(tmp_path, client.address, "watch") as calls:
            said = await asyncio.to_thread(calls.line_with, "position", within_s=_END_S)
            await client.vims.ModifyVim(pb.ModifyVimRequest(vim=Vim(id=vim.id, name="last")))
            came = await printed(calls)
        position = json.loads(said)["position"]
        with calling(tmp_path, client.address, "watch", f"{position['revision']}:{position['logId']}") as calls:
            again = await printed(calls)

    assert came[:2] == [{"reset": True}, {"vim": "first"}]
    assert came[2]["position"] == {"revision": str(vim.revision), "logId": position["logId"]}
    assert position["logId"]
    assert came[-1] == {"event": str(vim.revision + 1), "name": "last"}
    assert again[-1] == came[-1]
    assert "reset" not in again[0]


class MovingLog(VimServiceServicer):
    """Has lost the log that its watcher knows."""

    def __init__(self) -> None:
        self.watches: list[pb.WatchVimsRequest] = []

    async def WatchVims(self, request: pb.WatchVimsRequest, context: Context) -> AsyncIterator[pb.WatchVimsResponse]:  # noqa: N802 - the RPC
        self.watches.append(request)
        if request.start_revision:
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "another log")
        yield pb.WatchVimsResponse(vims=[Vim(id="a", name="restored")])
        yield pb.WatchVimsResponse(revision=3, log_id="new")
        yield pb.WatchVimsResponse(events=[Event(revision=4, kind=Event.MODIFIED, vim=Vim(name="last"))], revision=4)


async def test_a_watch_begins_anew_when_the_log_is_another_one(tmp_path: Path) -> None:
    conductor = MovingLog()  # type: ignore[abstract]  # the other calls are not made
    async with serving(conductor, OnceRefusing()) as address:  # type: ignore[abstract]  # the same
        with calling(tmp_path, address, "watch", "90:old") as calls:
            came = await printed(calls)

    assert came == [
        {"reset": True},
        {"vim": "restored"},
        {"position": {"revision": "3", "logId": "new"}},
        {"event": "4", "name": "last"},
    ]
    assert [(one.start_revision, one.log_id, one.snapshot) for one in conductor.watches] == [
        (91, "old", False),
        (0, "", True),
    ]


async def test_a_watch_that_may_not_be_made_ends(tmp_path: Path) -> None:
    class Forbidding(VimServiceServicer):
        async def WatchVims(  # noqa: N802 - the RPC
            self,
            request: pb.WatchVimsRequest,  # noqa: ARG002 - the RPC
            context: Context,
        ) -> AsyncIterator[pb.WatchVimsResponse]:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not yours")
            yield pb.WatchVimsResponse()

    async with serving(Forbidding(), OnceRefusing()) as address:  # type: ignore[abstract]  # the other calls are not made
        with calling(tmp_path, address, "watch") as calls:
            await until(lambda: calls.process.poll() is not None, _END_S)
            assert calls.ended() == 1
    assert any("not yours" in line for line in calls.lines)


async def test_a_heartbeat_moves_the_position(tmp_path: Path) -> None:
    settings = ConductorSettings(watch=WatchLimits(beat_s=0.2))
    async with conductor_at(tmp_path / "vimesh.sqlite", settings) as client:
        with calling(tmp_path, client.address, "watch") as calls:
            for _ in range(2):
                await asyncio.to_thread(calls.line_with, "position", within_s=_END_S)
            await client.register(name="last")
            assert (await printed(calls))[-1]["name"] == "last"
