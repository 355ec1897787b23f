"""Fills the model from a front: the only module here that reads from one, beside what one VIM's page shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Final

import grpc

from vimesh.cli.client.explain_failures import failure_line
from vimesh.cli.top.fleet_model import FleetModel
from vimesh.cli.top.vim_row import READ_MASK
from vimesh.client.calls.front_stubs import Front
from vimesh.client.watches.resumable_watch import ConnectionNews, watch
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.limits import MAX_BATCH_IDS

_RECALLED: Final = 20
"""Past changes to begin with."""
_REFRESH_S: Final = 5.0
"""How often the VIMs on the screen are read again: their leases grow, which is no change."""
_COMPLETION_S: Final = 0.25


async def check_filter(front: Front, filter_: str) -> None:
    """Let the fleet read a filter. Raises AioRpcError."""
    if filter_:
        request = pb.ListVimsRequest(filter=filter_, page_size=1)
        await front.vims.ListVims(request, timeout=front.timeout_s)


class FleetFeed:
    def __init__(self, front: Front, model: FleetModel) -> None:
        self._front = front
        self._model = model

    async def follow(self, filter_: str, on_screen: Callable[[], Sequence[str]]) -> None:
        """Keep the model up to date until cancelled. Raises AioRpcError if retrying is pointless.

        `on_screen`: the ids of the VIMs that are shown.
        """
        self._model.restart()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._complete())
            tasks.create_task(self._refresh(on_screen))
            link = ConnectionNews(lost=self._lose, still_lost=self._lose, back=self._model.regain)
            is_first = True
            async with aclosing(watch(self._front, filter_=filter_, read_mask=READ_MASK, link=link)) as changes:
                async for shown in changes:
                    self._model.take(shown.answer, afresh=shown.afresh)
                    if is_first:
                        is_first = False
                        tasks.create_task(self._recall(filter_))

    def _lose(self, error: grpc.aio.AioRpcError) -> None:
        self._model.lose(failure_line(error, self._front.address))

    async def _recall(self, filter_: str) -> None:
        request = pb.ListVimEventsRequest(filter=filter_, page_size=_RECALLED)
        try:
            answer = await self._front.vims.ListVimEvents(request, timeout=self._front.timeout_s)
        except grpc.aio.AioRpcError:
            return  # the past is an extra, and what is wrong with the front concerns the watch as well
        self._model.recall(answer.events)

    async def _complete(self) -> None:
        """Read the rest of VIMs that began to match with a change that does not contain them."""
        while True:
            if not self._model.trouble:
                await self._read(list(self._model.incomplete)[:MAX_BATCH_IDS])
            await asyncio.sleep(_COMPLETION_S)

    async def _refresh(self, on_screen: Callable[[], Sequence[str]]) -> None:
        while True:
            await asyncio.sleep(_REFRESH_S)
            if not self._model.trouble:
                await self._read(on_screen())

    async def _read(self, vim_ids: Sequence[str]) -> None:
        if not vim_ids:
            return
        try:
            answer = await self._front.vims.BatchGetVims(
                pb.BatchGetVimsRequest(vim_ids=vim_ids), timeout=self._front.timeout_s
            )
        except grpc.aio.AioRpcError:
            return  # there is a next time
        self._model.refresh(_vims(answer.results))
        # Those that are refused were deregistered since: that change is yet to come.
        self._model.incomplete.difference_update(vim_ids[: len(answer.results)])


def _vims(results: Iterable[pb.GetVimResult]) -> list[Vim]:
    return [result.vim for result in results if result.HasField("vim")]
