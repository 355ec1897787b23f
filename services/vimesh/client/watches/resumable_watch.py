"""Watches VIMs across disconnects: it resumes after the last revision that it has seen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import grpc

from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import failure_of

# A conductor sends a message at least every 5 s, so after this much silence the stream is dead.
SILENCE_S = 20.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0

_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        # Caused by a proxy that dies in the middle of a stream.
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    }
)


@dataclass(frozen=True, slots=True)
class WatchUpdate:
    """One message of a watch."""

    answer: pb.WatchVimsResponse
    afresh: bool = False
    """Whether a snapshot starts here, so that everything known before must be discarded."""
    arrivals: Mapping[str, vim_pb2.Vim] = field(default_factory=dict)
    """By id, the VIMs that begin to match the filter of the watch with a change that does not contain them."""


@dataclass(frozen=True, slots=True)
class ConnectionNews:
    """Callbacks for changes of the connection."""

    lost: Callable[[grpc.aio.AioRpcError], None] = lambda _error: None
    back: Callable[[], None] = lambda: None
    missed: Callable[[], None] = lambda: None
    """The log no longer has the changes to resume with: the watch restarts with a snapshot."""


_SILENT_LINK = ConnectionNews()

Changes = Callable[[ConnectionNews], AsyncIterator[WatchUpdate]]
"""Starts a watch."""


async def watch(
    front: Front,
    *,
    vim_id: str = "",
    filter_: str = "",
    after: int | None = None,
    link: ConnectionNews = _SILENT_LINK,
) -> AsyncGenerator[WatchUpdate]:
    """Yield a snapshot and then every change; with `after`, every change after that revision.

    Never ends by itself. Raises AioRpcError if the first connection fails, or if retrying is pointless.
    """
    seen, log_id = after, ""
    connected = lost = False
    pause_s = _FIRST_PAUSE_S
    while True:
        afresh = seen is None
        request = pb.WatchVimsRequest(
            vim_id=vim_id, filter=filter_, snapshot=afresh, start_revision=_next(seen), log_id=log_id
        )
        try:
            async for answer in _stream(front, request):
                if lost:
                    link.back()
                connected, lost, pause_s = True, False, _FIRST_PAUSE_S
                seen = max(seen or 0, answer.revision) if answer.revision else seen
                log_id = answer.log_id or log_id
                yield WatchUpdate(answer, afresh)
                afresh = False
                if answer.end == vim_pb2.WATCH_END_AGED:
                    pause_s = 0.0
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.OUT_OF_RANGE and after is None:
                link.missed()
                seen, log_id = None, ""
                continue
            # INTERNAL with a reason is a defect of the server, which retrying does not fix.
            if not connected or error.code() not in _PASSING or failure_of(error).reason == "INTERNAL":
                raise
            if not lost:
                link.lost(error)
            lost = True
        await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311 - spreads reconnections, guards nothing
        pause_s = min(max(pause_s, _FIRST_PAUSE_S) * 2, _LONGEST_PAUSE_S)


def _next(seen: int | None) -> int:
    return 0 if seen is None else seen + 1


async def _stream(front: Front, request: pb.WatchVimsRequest) -> AsyncIterator[pb.WatchVimsResponse]:
    call = front.vims.WatchVims(request)
    try:
        while True:
            async with asyncio.timeout(SILENCE_S):
                answer = await call.read()
            if not isinstance(answer, pb.WatchVimsResponse):
                return  # the end of the stream
            yield answer
    except TimeoutError:
        raise grpc.aio.AioRpcError(
            grpc.StatusCode.UNAVAILABLE,
            grpc.aio.Metadata(),
            grpc.aio.Metadata(),
            details=f"no data received for {SILENCE_S:g} s",
        ) from None
    finally:
        call.cancel()
