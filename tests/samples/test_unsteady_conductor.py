"""What the samples ask a conductor that ends streams, refuses calls and takes actions over."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.samples.language_samples import LANGUAGES, built_program
from tests.support.callers.running import Running, running
from tests.support.timing.waiting import until
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.conductor_service_pb2 import BadAction
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest as Report
from vimesh.v1.conductor_service_pb2 import UpdateVimResponse as Answer
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceServicer, add_ConductorServiceServicer_to_server
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer, add_VimServiceServicer_to_server

Context = grpc.aio.ServicerContext[object, object]
Event, Vim = vim_pb2.VimEvent, vim_pb2.Vim

VIM_ID, LOG_ID = str(uuid.uuid4()), str(uuid.uuid4())
_END_S = 60

# The one without a library for gRPC speaks gRPC-Web, which a front takes, and a conductor does not.
each_language = pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "perl"])


class UnsteadyVims(VimServiceServicer):
    """Fails in all ways that the contract calls passing."""

    def __init__(self) -> None:
        self.registrations: list[pb.RegisterVimRequest] = []
        self.watches: list[pb.WatchVimsRequest] = []

    async def RegisterVim(self, request: pb.RegisterVimRequest, context: Context) -> pb.RegisterVimResponse:  # noqa: N802 - the RPC
        self.registrations.append(request)
        if len(self.registrations) == 1:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the conductor ends")
        return pb.RegisterVimResponse(vim=Vim(id=VIM_ID, status=Vim.PENDING, revision=1))

    async def WatchVims(self, request: pb.WatchVimsRequest, context: Context) -> AsyncIterator[pb.WatchVimsResponse]:  # noqa: N802 - the RPC
        self.watches.append(request)
        match len(self.watches):
            case 1:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "no conductor")
            case 2:
                yield pb.WatchVimsResponse(
                    events=[event(2, Event.STATUS_CHANGED, Vim.REACHABLE)], revision=2, log_id=LOG_ID
                )
                await context.abort(grpc.StatusCode.INTERNAL, "the connection broke")
            case 3:
                yield pb.WatchVimsResponse(revision=5)
                yield pb.WatchVimsResponse(revision=6, end=vim_pb2.WATCH_END_AGED)
            case _:
                yield pb.WatchVimsResponse(events=[event(9, Event.DEREGISTERED, Vim.REACHABLE)], revision=9)


def event(
    revision: int, kind: vim_pb2.VimEvent.Kind.ValueType, status: vim_pb2.Vim.Status.ValueType
) -> vim_pb2.VimEvent:
    return Event(revision=revision, kind=kind, status=status, vim_id=VIM_ID)


class ScriptedReports(ConductorServiceServicer):
    """Answers each report by the next function of a script."""

    def __init__(self, *script: Callable[[Report], Answer | grpc.StatusCode]) -> None:
        self.reports: list[Report] = []
        self._script = list(script)

    async def UpdateVim(self, request: Report, context: Context) -> Answer:  # noqa: N802 - the RPC
        self.reports.append(request)
        answer = self._script.pop(0)(request)
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, "not now")
        return answer


def recorded(report: Report) -> Answer:
    return Answer(status=report.status, contact_within=Duration(nanos=200_000_000))


def overruled(report: Report) -> Answer:
    newest = report.observation + 7
    return Answer(status=Vim.UNREACHABLE, contact_within=Duration(nanos=200_000_000), newest_observation=newest)


@asynccontextmanager
async def serving(vims: VimServiceServicer, reports: ConductorServiceServicer) -> AsyncGenerator[str]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_VimServiceServicer_to_server(vims, server)
    add_ConductorServiceServicer_to_server(reports, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def ended(sample: Running) -> int:
    await until(lambda: sample.process.poll() is not None, _END_S)
    return sample.ended()


@each_language
async def test_a_watch_goes_on_after_the_last_revision_of_the_same_log(language: str, tmp_path: Path) -> None:
    conductor = UnsteadyVims()  # type: ignore[abstract]  # the other calls are not made
    async with serving(conductor, ScriptedReports()) as address:  # type: ignore[abstract]  # the same
        command = ("register", "http://127.0.0.1:5000/v3")
        with running(tmp_path, *command, program=built_program(language), VIMESH_ADDRESS=address) as sample:
            assert await ended(sample) == 0, sample.lines

    assert [line for line in sample.lines if line[0].isdigit()] == [
        f"1 REGISTERED PENDING {VIM_ID}",
        "2 STATUS_CHANGED REACHABLE",
        "9 DEREGISTERED REACHABLE",
    ]
    first, second = conductor.registrations
    assert first.request_id
    assert first == second
    assert [(watch.start_revision, watch.log_id) for watch in conductor.watches] == [
        (2, ""),
        (2, ""),
        (3, LOG_ID),
        (7, LOG_ID),
    ]


@each_language
async def test_only_bad_action_ends_a_ping_action(language: str, tmp_path: Path) -> None:
    reports = ScriptedReports(  # type: ignore[abstract]  # the other calls are not made
        recorded,
        lambda _: grpc.StatusCode.UNAVAILABLE,
        lambda _: grpc.StatusCode.INTERNAL,
        recorded,
        overruled,
        recorded,
        lambda _: Answer(bad_action=BadAction()),
    )
    async with serving(UnsteadyVims(), reports) as address:  # type: ignore[abstract]  # the same
        with running(tmp_path, "report", VIM_ID, program=built_program(language), VIMESH_ADDRESS=address) as sample:
            assert await ended(sample) == 0, sample.lines

    assert sample.lines[-1] == "bad_action: not wanted any more"
    first = reports.reports[0]
    assert (first.vim_id, first.action_id, first.status) == (VIM_ID, VIM_ID, Vim.REACHABLE)
    # A verdict keeps its number when it is repeated, and overrules a newer one with a greater number.
    assert [report.observation - first.observation for report in reports.reports] == [0, 0, 0, 0, 0, 8, 8]


@each_language
async def test_a_report_that_may_not_be_made_ends_with_an_error(language: str, tmp_path: Path) -> None:
    reports = ScriptedReports(lambda _: grpc.StatusCode.PERMISSION_DENIED)  # type: ignore[abstract]  # the other calls are not made
    async with serving(UnsteadyVims(), reports) as address:  # type: ignore[abstract]  # the same
        with running(tmp_path, "report", VIM_ID, program=built_program(language), VIMESH_ADDRESS=address) as sample:
            assert await ended(sample) == 1, sample.lines

    assert "not now" in sample.lines[-1]
    assert len(reports.reports) == 1
