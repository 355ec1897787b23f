"""Watches VIMs across disconnects: it resumes after the last revision that it has seen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from vimesh.client.calls.front_stubs import Front
from vimesh.client.calls.refused_tokens import is_outdated
from vimesh.rpc.renewing_channel import ShownCredentials
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import failure_of, retry_delay_s

# A conductor sends a message at least every 5 s, so after this much silence the stream is dead.
SILENCE_S = 20.0
_REVISION_DIGITS = 20
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
class WatchPosition:
    """Up to where a watch has got. As a text, it can be kept, and be parsed again."""

    revision: int
    log_id: str = ""
    """The log that the revision is of; a restored backup begins another one. Empty: not known."""

    def __str__(self) -> str:
        return f"{self.revision}@{self.log_id}" if self.log_id else str(self.revision)

    @classmethod
    def parse(cls, text: str) -> WatchPosition:
        """Raises ValueError."""
        revision, _, log_id = text.partition("@")
        if not (revision.isascii() and revision.isdigit() and len(revision) <= _REVISION_DIGITS):
            raise ValueError(f"must be the position of a watch, not {text[:50]!r}")
        return cls(int(revision), log_id)


@dataclass(frozen=True, slots=True)
class WatchUpdate:
    """One message of a watch: a part of the snapshot, some changes, or a sign of life every few seconds."""

    answer: pb.WatchVimsResponse
    afresh: bool = False
    """Whether a snapshot starts here, so that everything known before must be discarded."""
    arrivals: Mapping[str, vim_pb2.Vim] = field(default_factory=dict)
    """By id, the VIMs that begin to match the filter of the watch with a change that does not contain them."""
    position: WatchPosition | None = None
    """Up to where everything has been received; None as long as the snapshot is incomplete."""

    @property
    def vims(self) -> Sequence[vim_pb2.Vim]:
        """A part of the snapshot."""
        return self.answer.vims

    @property
    def events(self) -> Sequence[vim_pb2.VimEvent]:
        """Changes, in the order of their revisions."""
        return self.answer.events


@dataclass(frozen=True, slots=True)
class ConnectionNews:
    """Callbacks for changes of the connection."""

    lost: Callable[[grpc.aio.AioRpcError], None] = lambda _error: None
    back: Callable[[], None] = lambda: None
    missed: Callable[[], None] = lambda: None
    """The log no longer has the changes to resume with: the watch restarts with a snapshot."""
    still_lost: Callable[[grpc.aio.AioRpcError], None] = lambda _error: None
    """Another attempt to connect failed, maybe for another reason."""
    heard: Callable[[], None] = lambda: None
    """A message came, after `back` if it is the first one of a new connection. One without news comes every 5 s."""


_SILENT_LINK = ConnectionNews()

Changes = Callable[[ConnectionNews], AsyncIterator[WatchUpdate]]
"""Starts a watch."""


async def watch(  # noqa: PLR0913 - what a watch may be asked for
    front: Front,
    *,
    vim_id: str = "",
    filter_: str = "",
    after: WatchPosition | None = None,
    read_mask: Sequence[str] = (),
    link: ConnectionNews = _SILENT_LINK,
) -> AsyncGenerator[WatchUpdate]:
    """Yield a snapshot and then every change; with `after`, every change after that position.

    `read_mask`: the fields of VIMs to receive; empty: all.

    Never ends by itself. Raises AioRpcError if retrying is pointless, or if the first connection fails and
    no other call to the front was ever answered.
    """
    seen, log_id = (None, "") if after is None else (after.revision, after.log_id)
    connected, lost, refused = front.has_answered, False, False
    pause_s = _FIRST_PAUSE_S
    while True:
        afresh = seen is None
        request = pb.WatchVimsRequest(
            vim_id=vim_id,
            filter=filter_,
            snapshot=afresh,
            start_revision=_next(seen),
            log_id=log_id,
            read_mask=FieldMask(paths=read_mask),
        )
        shown = ShownCredentials(front.vims.WatchVims)
        try:
            async for answer in _stream(front, request):
                if lost:
                    link.back()
                link.heard()
                connected, lost, refused, pause_s = True, False, False, _FIRST_PAUSE_S
                seen = max(seen or 0, answer.revision) if answer.revision else seen
                log_id = answer.log_id or log_id
                yield WatchUpdate(answer, afresh, position=None if seen is None else WatchPosition(seen, log_id))
                afresh = False
                if answer.end == vim_pb2.WATCH_END_AGED:
                    pause_s = 0.0
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.OUT_OF_RANGE and after is None:
                link.missed()
                seen, log_id = None, ""
                continue
            if not refused and is_outdated(error, shown):
                refused = True
                continue
            # INTERNAL with a reason is a defect of the server, which retrying does not fix.
            if not connected or error.code() not in _PASSING or failure_of(error).reason == "INTERNAL":
                raise
            (link.still_lost if lost else link.lost)(error)
            lost = True
            # An overloaded fleet says how long it wants to be left alone.
            await asyncio.sleep(retry_delay_s(error))
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
