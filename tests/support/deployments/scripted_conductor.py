"""Serves as a conductor whose answers the test decides: a real server without a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
from google.protobuf.duration_pb2 import Duration

from tests.support.deployments.without_probes import WithoutProbes
from tests.support.probers.verdicts import PATIENCE_S
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import conductor_service_pb2_grpc, vim_pb2

Answer = Callable[[pb.UpdateVimRequest], pb.UpdateVimResponse]
Context = grpc.aio.ServicerContext[object, object]


def recorded(report: pb.UpdateVimRequest, *, within_s: float = 60) -> pb.UpdateVimResponse:
    within = Duration(seconds=int(within_s), nanos=int(within_s % 1 * 1e9))
    return pb.UpdateVimResponse(status=report.status, contact_within=within)


def bad_action(_: pb.UpdateVimRequest) -> pb.UpdateVimResponse:
    return pb.UpdateVimResponse(bad_action=pb.BadAction())


class Watch:
    """One stream opened by a watcher."""

    def __init__(self, request: pb.WatchActionsRequest) -> None:
        self.request = request
        self._messages: asyncio.Queue[pb.WatchActionsResponse | grpc.StatusCode | None] = asyncio.Queue()

    def say(self, **message: object) -> None:
        self._messages.put_nowait(pb.WatchActionsResponse(**message))  # type: ignore[arg-type]  # checked at run time

    def end(self, code: grpc.StatusCode | None = None) -> None:
        self._messages.put_nowait(code)

    async def next_message(self) -> pb.WatchActionsResponse | grpc.StatusCode | None:
        return await self._messages.get()


class ScriptedConductor(WithoutProbes):
    """Answers with `answer`, or with `refusal` if it is set, and records all requests."""

    def __init__(self) -> None:
        self.answer: Answer = recorded
        self.refusal: grpc.StatusCode | None = None
        self.refuses: Callable[[pb.UpdateVimRequest], bool] = lambda _: False
        """Reports that make the whole call fail."""
        self.gate = asyncio.Event()
        """While this is not set, no report is answered."""
        self.gate.set()
        self.calls: list[list[pb.UpdateVimRequest]] = []
        self.watches: list[Watch] = []
        self._news = asyncio.Event()

    @property
    def reports(self) -> list[pb.UpdateVimRequest]:
        return [report for call in self.calls for report in call]

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is checked again with each incoming call."""
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self._news.clear()
                await self._news.wait()

    async def watch(self, number: int) -> Watch:
        """Wait for the stream with that number, starting from 0."""
        await self.until(lambda: len(self.watches) > number)
        return self.watches[number]

    async def UpdateVim(self, request: pb.UpdateVimRequest, _: Context) -> pb.UpdateVimResponse:  # noqa: N802 - the name of the RPC
        return self.answer(request)

    async def UpdateVims(self, request: pb.UpdateVimsRequest, context: Context) -> pb.UpdateVimsResponse:  # noqa: N802 - the name of the RPC
        self.calls.append(list(request.reports))
        self._news.set()
        await self.gate.wait()
        if self.refusal is not None:
            await context.abort(self.refusal, "as the test wants")
        if any(self.refuses(report) for report in request.reports):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "one report breaks a rule")
        return pb.UpdateVimsResponse(outcomes=[self.answer(report) for report in request.reports])

    async def ReportConditions(  # noqa: N802 - the name of the RPC
        self, request: pb.ReportConditionsRequest, _: Context
    ) -> pb.ReportConditionsResponse:
        recorded_all = [pb.VimConditionsOutcome(recorded=pb.RecordedConditions()) for _ in request.vims]
        return pb.ReportConditionsResponse(outcomes=recorded_all)

    async def WatchActions(  # noqa: N802 - the name of the RPC
        self, request: pb.WatchActionsRequest, context: Context
    ) -> AsyncIterator[pb.WatchActionsResponse]:
        watch = Watch(request)
        self.watches.append(watch)
        self._news.set()
        while (message := await watch.next_message()) is not None:
            if isinstance(message, grpc.StatusCode):
                await context.abort(message, "as the test wants")
            else:
                yield message


@asynccontextmanager
async def serving(conductor: ScriptedConductor, port: int = 0) -> AsyncGenerator[int]:
    """Serve on a loopback port, which is yielded."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    conductor_service_pb2_grpc.add_ConductorServiceServicer_to_server(conductor, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield bound
    finally:
        conductor.gate.set()
        await server.stop(None)


REACHABLE = vim_pb2.Vim.REACHABLE
UNREACHABLE = vim_pb2.Vim.UNREACHABLE
UNKNOWN = vim_pb2.Vim.UNKNOWN
