"""Completes a watch with a filter: most changes by which a VIM begins to match do not contain it."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

from vimesh.client.calls.front_stubs import Front
from vimesh.client.calls.repeat_calls import Retrying
from vimesh.client.watches.resumable_watch import WatchUpdate
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim, VimEvent
from vimesh.wire.limits import MAX_BATCH_IDS


async def with_arrivals(front: Front, changes: AsyncGenerator[WatchUpdate]) -> AsyncGenerator[WatchUpdate]:
    """Yield the same messages, each with the VIMs that begin to match.

    A front that cannot be reached is asked again until it answers, as the watch does. Raises AioRpcError if retrying is
    pointless.
    """
    present: set[str] = set()
    retrying = Retrying(random.Random())  # noqa: S311 - spreads attempts, guards nothing
    retrying.has_answered = True  # the watch has been answered
    async with aclosing(changes):
        async for shown in changes:
            if shown.afresh:
                present.clear()
            present |= {vim.id for vim in shown.answer.vims}
            arriving: dict[str, int] = {}
            for event in shown.answer.events:
                if event.filtered_out or event.kind == VimEvent.DEREGISTERED:
                    present.discard(event.vim_id)
                elif event.vim_id not in present:
                    present.add(event.vim_id)
                    if event.kind != VimEvent.REGISTERED:  # that one contains the VIM
                        arriving[event.vim_id] = event.revision
            yield replace(shown, arrivals=await _read(front, retrying, arriving))


async def _read(front: Front, retrying: Retrying, arriving: Mapping[str, int]) -> Mapping[str, Vim]:
    """Return the VIMs by id. `arriving`: the revision with which each began to match."""
    arrivals: dict[str, Vim] = {}
    left = list(arriving)
    while left:
        request = pb.BatchGetVimsRequest(vim_ids=left[:MAX_BATCH_IDS])
        answer = await retrying.repeated(lambda: front.vims.BatchGetVims(request, timeout=front.timeout_s))  # noqa: B023 - called at once
        # The answer may have fewer VIMs than were asked for. One that is refused was deregistered since: its event
        # follows.
        for vim_id, result in zip(left, answer.results, strict=False):
            if result.HasField("vim"):
                # Changes that it includes already are yet to come, and one of them may say that it does not match any
                # more.
                result.vim.revision = min(result.vim.revision, arriving[vim_id])
                arrivals[vim_id] = result.vim
        left = left[len(answer.results) or len(left) :]
    return arrivals
