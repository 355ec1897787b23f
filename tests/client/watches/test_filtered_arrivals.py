"""VIMs that begin to match a filter are read together, and again if the front could not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import grpc
from google.rpc.status_pb2 import Status as RpcStatus

from vimesh.client.calls.front_stubs import connected
from vimesh.client.watches.filtered_arrivals import with_arrivals
from vimesh.client.watches.resumable_watch import watch
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim, VimEvent
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer, add_VimServiceServicer_to_server

PARIS, OSLO = "7b3ac6ab-1c53-46b2-8c61-86bcb9b2f7a1", "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"


class TwoArrivals(VimServiceServicer):
    """Tells that two VIMs begin to match. It cannot answer at first, then has room for one, and has lost the other."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self._answers: Iterator[pb.GetVimResult] = iter(
            (pb.GetVimResult(vim=Vim(id=PARIS, revision=9)), pb.GetVimResult(refused=RpcStatus(code=5)))
        )

    async def WatchVims(  # noqa: N802 - grpc's name
        self,
        request: pb.WatchVimsRequest,  # noqa: ARG002 - grpc's
        context: Any,  # noqa: ANN401, ARG002 - as above
    ) -> AsyncIterator[pb.WatchVimsResponse]:
        yield pb.WatchVimsResponse(revision=1)
        began = [
            VimEvent(kind=VimEvent.STATUS_CHANGED, vim_id=vim_id, revision=revision, status=Vim.REACHABLE)
            for revision, vim_id in ((2, PARIS), (3, OSLO))
        ]
        yield pb.WatchVimsResponse(revision=3, events=began)
        await asyncio.Event().wait()

    async def BatchGetVims(self, request: pb.BatchGetVimsRequest, context: Any) -> pb.BatchGetVimsResponse:  # noqa: N802, ANN401 - as above
        self.asked.append(list(request.vim_ids))
        if len(self.asked) == 1:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "as the test wants")
        return pb.BatchGetVimsResponse(results=[next(self._answers)])


async def test_arrivals_are_read_together_until_the_front_has_answered_for_each(tmp_path: Path) -> None:
    served = TwoArrivals()  # type: ignore[abstract]  # it serves two RPCs
    server = grpc.aio.server()
    add_VimServiceServicer_to_server(served, server)
    server.add_insecure_port(address := f"unix:{tmp_path}/front")
    await server.start()

    async with (
        connected(address, 10.0) as front,
        aclosing(with_arrivals(front, watch(front, filter_="status = REACHABLE"))) as updates,
        asyncio.timeout(60),
    ):
        await anext(updates)
        update = await anext(updates)
    await server.stop(None)

    assert served.asked == [[PARIS, OSLO], [PARIS, OSLO], [OSLO]]
    assert list(update.arrivals) == [PARIS]
    assert update.arrivals[PARIS].revision == 2
