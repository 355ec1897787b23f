"""Replays past changes: the same ones, in the same order and rhythm, as a watch got them then."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final

import grpc

from vimesh.cli.base.exits import Failure
from vimesh.cli.watches.event_history import newest_revision
from vimesh.cli.watches.watch_lines import connection_notes
from vimesh.client.calls.front_stubs import Front
from vimesh.client.watches.resumable_watch import WatchPosition, watch
from vimesh.rpc.list_pages import list_pages
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import VimEvent
from vimesh.wire.error_statuses import failure_of

_FIRST_REVISION: Final = 2
"""Creating the log is revision 1 and has no event."""


async def replay(  # noqa: PLR0913 - what to replay, and how
    front: Front,
    vim_id: str,
    start: dt.datetime,
    speed: float,
    *,
    filter_: str = "",
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[VimEvent]:
    """Yield the changes of a VIM (of all, if empty) from a time on up to now, `speed` times as fast as they came.

    `filter_`: of those VIMs only that match it.

    Raises Failure if changes since then are no longer kept.
    """
    newest = await newest_revision(front)
    before = await _revision_before(front, vim_id, start)
    if before >= newest:
        return
    last: dt.datetime | None = None
    async with aclosing(_events_up_to(front, vim_id, filter_, before, newest)) as past:
        async for event in past:
            time = event.time.ToDatetime(dt.UTC)
            # A clock that was set back gives no pause.
            if last is not None and time > last:
                await sleep((time - last).total_seconds() / speed)
            last = time
            yield event


async def _events_up_to(front: Front, vim_id: str, filter_: str, after: int, newest: int) -> AsyncGenerator[VimEvent]:
    followed = watch(
        front, vim_id=vim_id, filter_=filter_, after=WatchPosition(after), link=connection_notes(front.address)
    )
    async with aclosing(followed) as messages:
        async for shown in messages:
            for event in shown.answer.events:
                if event.revision <= newest:
                    yield event
            if shown.answer.revision >= newest:
                return


async def _revision_before(front: Front, vim_id: str, start: dt.datetime) -> int:
    """Return the revision after which to begin: that of the newest change before a time. Raises Failure."""

    async def fetch(size: int, token: str) -> tuple[Sequence[VimEvent], str]:
        request = pb.ListVimEventsRequest(vim_id=vim_id, page_size=size, page_token=token)
        page = await front.vims.ListVimEvents(request, timeout=front.timeout_s)
        return page.events, page.next_page_token

    oldest: VimEvent | None = None
    async for events, _ in list_pages(fetch):
        for event in events:
            if event.time.ToDatetime(dt.UTC) < start:
                return event.revision
            oldest = event
    return await _begin_of_log(front, oldest)


async def _begin_of_log(front: Front, oldest: VimEvent | None) -> int:
    """Return the revision before the first change there ever was. Raises Failure if that one is no longer kept."""
    call = front.vims.WatchVims(pb.WatchVimsRequest(start_revision=_FIRST_REVISION))
    try:
        async with asyncio.timeout(front.timeout_s):
            await call.read()
    except grpc.aio.AioRpcError as error:
        if failure_of(error).reason != "REVISION_COMPACTED":
            raise
        since = "" if oldest is None else f": the log begins at {oldest.time.ToJsonString()}"
        raise Failure(f"changes since then are no longer kept{since}") from error
    finally:
        call.cancel()
    return _FIRST_REVISION - 1
