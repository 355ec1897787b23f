"""Completes a watch with a filter: most changes by which a VIM begins to match do not contain it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import grpc

from vimesh.client.calls.front_stubs import Front
from vimesh.client.watches.resumable_watch import WatchUpdate
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim, VimEvent


async def with_arrivals(front: Front, changes: AsyncGenerator[WatchUpdate]) -> AsyncGenerator[WatchUpdate]:
    """Yield the same messages, each with the VIMs that begin to match. Raises AioRpcError."""
    present: set[str] = set()
    async with aclosing(changes):
        async for shown in changes:
            if shown.afresh:
                present.clear()
            present |= {vim.id for vim in shown.answer.vims}
            arrivals: dict[str, Vim] = {}
            for event in shown.answer.events:
                if event.filtered_out or event.kind == VimEvent.DEREGISTERED:
                    present.discard(event.vim_id)
                elif event.vim_id not in present:
                    present.add(event.vim_id)
                    await _add(arrivals, front, event)
            yield replace(shown, arrivals=arrivals)


async def _add(arrivals: dict[str, Vim], front: Front, event: VimEvent) -> None:
    if event.kind == VimEvent.REGISTERED:
        return  # it contains the VIM
    try:
        answer = await front.ask(front.vims.GetVim, pb.GetVimRequest(vim_id=event.vim_id))
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return  # deregistered since: its event follows
    # Changes that it includes already are yet to come, and one of them may say that it does not match any more.
    answer.vim.revision = min(answer.vim.revision, event.revision)
    arrivals[event.vim_id] = answer.vim
