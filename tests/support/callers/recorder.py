"""Watches without ever giving up, and records everything that it receives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import grpc

from tests.support.deployments.conductors import Client
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import failure_of


class Recorder:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._changed = asyncio.Condition()
        self.events: list[vim_pb2.VimEvent] = []
        self.status: dict[str, vim_pb2.Vim.Status.ValueType] = {}
        self.begun = asyncio.Event()
        self.on_event: Callable[[vim_pb2.VimEvent], object] = lambda _: None
        self._next = 0

    async def run(self) -> None:
        while True:
            try:
                async for response in self._client.vims.WatchVims(pb.WatchVimsRequest(start_revision=self._next)):
                    await self._take(response)
            except grpc.aio.AioRpcError as error:
                # INTERNAL without a reason comes from Envoy, for a stream whose conductor died.
                if (
                    error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
                    or failure_of(error).reason == "INTERNAL"
                ):
                    raise
                await asyncio.sleep(0.05)

    async def _take(self, response: pb.WatchVimsResponse) -> None:
        async with self._changed:
            self.events += response.events
            for event in response.events:
                self.status[event.vim_id] = event.status
                self.on_event(event)
            self._next = response.revision + 1
            self.begun.set()
            self._changed.notify_all()

    async def until(self, seen: Callable[[], bool], within_s: float) -> None:
        """Wait until the recorded events satisfy a condition."""
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(seen)

    def check_order(self) -> None:
        """Require every change exactly once, in order."""
        revisions = [event.revision for event in self.events]
        assert revisions == list(range(revisions[0], revisions[0] + len(revisions)))

    def history(self, vim_id: str) -> list[str]:
        return [vim_pb2.Vim.Status.Name(event.status) for event in self.events if event.vim_id == vim_id]


@asynccontextmanager
async def recording(client: Client) -> AsyncGenerator[Recorder]:
    recorder = Recorder(client)
    task = asyncio.create_task(recorder.run())
    try:
        async with asyncio.timeout(10):
            await recorder.begun.wait()
        yield recorder
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
