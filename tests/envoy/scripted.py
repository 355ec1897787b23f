# ruff: noqa: N802 - the names of RPCs
"""A conductor that answers by script: real gRPC, no database. Run as a program it is one that can be killed.

The script is in the ids: `VIM_<CODE>` ends with that status, `VIM_<CODE>_FINAL` also says that it is not to be
repeated, `HANG` does not answer, `WAIT` waits for an event, `HOLD` lets nothing else run in
the process for some seconds, `DIE` and `STOP` end and halt it, everything else goes well.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar
from weakref import WeakKeyDictionary

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from tests.support.deployments.without_probes import WithoutProbes
from vimesh.conductor.ports.grpc_limits import OPTIONS
from vimesh.v1 import conductor_service_pb2 as reports
from vimesh.v1 import conductor_service_pb2_grpc as reports_grpc
from vimesh.v1 import vim_service_pb2 as vims
from vimesh.v1 import vim_service_pb2_grpc as vims_grpc
from vimesh.v1.vim_pb2 import Vim, VimEvent

_Req = TypeVar("_Req")
_Res = TypeVar("_Res")

FINAL = "_FINAL"
HOLD_S = 5.0


class Gate:
    """An event, of which each loop has its own: tests of one process have one loop each."""

    def __init__(self) -> None:
        self._events: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Event] = WeakKeyDictionary()

    async def wait(self) -> None:
        await self._event().wait()

    def set(self) -> None:
        self._event().set()

    def clear(self) -> None:
        self._event().clear()

    def _event(self) -> asyncio.Event:
        return self._events.setdefault(asyncio.get_running_loop(), asyncio.Event())


WAITING = Gate()
"""What `WAIT` waits for."""
SIGNALS = {"DIE": signal.SIGKILL, "STOP": signal.SIGSTOP}
UNREPEATABLE = "x-envoy-ratelimited"

CONDUCTOR = "vimesh.v1.ConductorService"
NAMES = (CONDUCTOR, "vimesh.v1.VimService", reflection.SERVICE_NAME)


class ScriptedReports(WithoutProbes):
    def __init__(self, name: int, calls: list[str]) -> None:
        self._name = name
        self._calls = calls

    async def UpdateVim(
        self,
        request: reports.UpdateVimRequest,
        context: aio.ServicerContext[reports.UpdateVimRequest, reports.UpdateVimResponse],
    ) -> reports.UpdateVimResponse:
        self._calls.append(request.vim_id)
        await play(request.vim_id, context)
        # Who answered, in a field that the caller sees.
        return reports.UpdateVimResponse(status=request.status, newest_observation=self._name)

    async def UpdateVims(
        self,
        request: reports.UpdateVimsRequest,
        context: aio.ServicerContext[reports.UpdateVimsRequest, reports.UpdateVimsResponse],
    ) -> reports.UpdateVimsResponse:
        for report in request.reports:
            self._calls.append(report.vim_id)
            await play(report.vim_id, context)
        return reports.UpdateVimsResponse(
            outcomes=[reports.UpdateVimResponse(status=report.status) for report in request.reports]
        )

    async def WatchActions(
        self,
        request: reports.WatchActionsRequest,
        context: aio.ServicerContext[reports.WatchActionsRequest, reports.WatchActionsResponse],  # noqa: ARG002 - gRPC passes it
    ) -> AsyncIterator[reports.WatchActionsResponse]:
        yield reports.WatchActionsResponse(revision=request.start_revision)
        await asyncio.Event().wait()

    async def ConfirmFailures(
        self,
        request: reports.ConfirmFailuresRequest,
        context: aio.ServicerContext[reports.ConfirmFailuresRequest, reports.ConfirmFailuresResponse],
    ) -> AsyncIterator[reports.ConfirmFailuresResponse]:
        for vim in request.vims:
            self._calls.append(vim.vim_id)
            await play(vim.vim_id, context)
            yield reports.ConfirmFailuresResponse(opinions=[reports.SecondOpinion(monitor_id=vim.vim_id)])


class ScriptedVims(vims_grpc.VimServiceServicer):
    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    async def RegisterVim(
        self,
        request: vims.RegisterVimRequest,
        context: aio.ServicerContext[vims.RegisterVimRequest, vims.RegisterVimResponse],
    ) -> vims.RegisterVimResponse:
        self._calls.append(request.vim.name)
        await play(request.vim.name, context)
        return vims.RegisterVimResponse(vim=request.vim)

    async def GetVim(
        self, request: vims.GetVimRequest, context: aio.ServicerContext[vims.GetVimRequest, vims.GetVimResponse]
    ) -> vims.GetVimResponse:
        self._calls.append(request.vim_id)
        await play(request.vim_id, context)
        return vims.GetVimResponse(vim=Vim(id=request.vim_id, status=Vim.REACHABLE, revision=7))

    async def ListVims(
        self,
        request: vims.ListVimsRequest,
        context: aio.ServicerContext[vims.ListVimsRequest, vims.ListVimsResponse],
    ) -> vims.ListVimsResponse:
        self._calls.append(request.filter)
        await play(request.filter, context)
        vim = Vim(name=request.filter, description="d" * 3500)
        return vims.ListVimsResponse(vims=[vim] * request.page_size)

    async def ModifyVim(
        self,
        request: vims.ModifyVimRequest,
        context: aio.ServicerContext[vims.ModifyVimRequest, vims.ModifyVimResponse],
    ) -> vims.ModifyVimResponse:
        await play(request.vim.id, context)
        request.vim.etag = ",".join(request.update_mask.paths)
        return vims.ModifyVimResponse(vim=request.vim)

    async def DeregisterVim(
        self,
        request: vims.DeregisterVimRequest,
        context: aio.ServicerContext[vims.DeregisterVimRequest, vims.DeregisterVimResponse],
    ) -> vims.DeregisterVimResponse:
        self._calls.append(request.vim_id)
        await play(request.vim_id, context)
        return vims.DeregisterVimResponse()

    async def WatchVims(
        self,
        request: vims.WatchVimsRequest,
        context: aio.ServicerContext[vims.WatchVimsRequest, vims.WatchVimsResponse],
    ) -> AsyncIterator[vims.WatchVimsResponse]:
        await play(request.vim_id, context)
        for revision in (request.start_revision, request.start_revision + 1):
            yield vims.WatchVimsResponse(revision=revision)
        # Open until the caller leaves, as a watch is.
        await asyncio.Event().wait()

    async def ListVimEvents(
        self,
        request: vims.ListVimEventsRequest,
        context: aio.ServicerContext[vims.ListVimEventsRequest, vims.ListVimEventsResponse],
    ) -> vims.ListVimEventsResponse:
        await play(request.vim_id, context)
        return vims.ListVimEventsResponse(events=[VimEvent(vim_id=request.vim_id)])


async def play(script: str, context: aio.ServicerContext[_Req, _Res]) -> None:
    if script == "HANG":
        await asyncio.Event().wait()
    if script in SIGNALS:
        os.kill(os.getpid(), SIGNALS[script])
    if script == "WAIT":
        await WAITING.wait()
    if script == "HOLD":
        hold_interpreter(HOLD_S)
    if script.startswith("VIM_"):
        code = script.removeprefix("VIM_").removesuffix(FINAL)
        await refuse(grpc.StatusCode[code], script, context)


def hold_interpreter(seconds: float) -> None:
    """Compute in calls of C, as a costly expression does: no other thread gets the interpreter meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(5_000_000))


async def refuse(code: grpc.StatusCode, reason: str, context: aio.ServicerContext[_Req, _Res]) -> NoReturn:
    details: list[ErrorInfo | BadRequest] = [ErrorInfo(reason=reason, domain="vimesh.v1", metadata={"vim_id": "7"})]
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        details.append(BadRequest(field_violations=[{"field": "vim.name", "description": "is taken by a rule"}]))
    status = Status(code=code.value[0], message="says the script")
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    rich = rpc_status.to_status(status)
    # The answer that a conductor gives when a repeat elsewhere is of no use.
    keys = ((UNREPEATABLE, "true"),) if reason.endswith(FINAL) else ()
    await context.abort(code, status.message, (*rich.trailing_metadata, *keys))


@dataclass(frozen=True, slots=True)
class Scripted:
    port: int
    server: aio.Server
    health: health.aio.HealthServicer
    calls: list[str] = field(default_factory=list)
    """What was asked for, in order."""
    host: str = "127.0.0.1"

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    async def say_not_serving(self) -> None:
        await self.health.set(CONDUCTOR, health_pb2.HealthCheckResponse.NOT_SERVING)


@asynccontextmanager
async def scripted(port: int = 0, host: str = "127.0.0.1") -> AsyncGenerator[Scripted]:
    """Serve on a loopback port, a free one by default. Ends at once, with whatever is in flight."""
    server = aio.server(options=OPTIONS)
    port = server.add_insecure_port(f"{host}:{port}")
    conductor = Scripted(port, server, health.aio.HealthServicer(), host=host)
    reports_grpc.add_ConductorServiceServicer_to_server(ScriptedReports(port, conductor.calls), server)
    vims_grpc.add_VimServiceServicer_to_server(ScriptedVims(conductor.calls), server)  # type: ignore[abstract]  # JSON bodies are the real conductor's
    health_pb2_grpc.add_HealthServicer_to_server(conductor.health, server)
    await conductor.health.set(CONDUCTOR, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection(NAMES, server)
    await server.start()
    try:
        yield conductor
    finally:
        await server.stop(None)


async def main() -> None:
    async with scripted() as conductor:
        sys.stdout.write(f"{conductor.address}\n")
        sys.stdout.flush()
        await conductor.server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
