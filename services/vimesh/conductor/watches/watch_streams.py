"""Starts, continues and ends watch streams, in the same way for VIMs and for actions."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.errors import RevisionCompacted, RevisionUnknown, VimeshError
from vimesh.domain.events import VimEvent
from vimesh.domain.vim_store import VimStore
from vimesh.v1 import vim_pb2

_BATCH_SIZE = 500
"""Maximum number of events per read. As actions, they make a message of about 1 MiB at most. Events of VIMs can be
larger: see `EventBytes.pages`."""


@dataclass(frozen=True, slots=True)
class WatchLimits:
    beat_s: float = 5.0
    """Interval (less up to a fifth) between the signs of life of an idle stream."""
    max_age_s: float = 600.0
    """A stream ends after this time (less up to a fifth), so that watchers spread over the conductors."""


@dataclass(frozen=True, slots=True)
class WatchStart:
    """Where a stream of changes begins."""

    revision: int
    """All changes after it are sent."""
    log_id: str


@dataclass(frozen=True, slots=True)
class WatchStep:
    """The content of a stream's next message."""

    events: Sequence[VimEvent]
    revision: int
    end: vim_pb2.WatchEnd.ValueType = vim_pb2.WATCH_END_UNSPECIFIED


class StreamAgenda(Protocol):
    """What a stream has to do besides sending changes."""

    def is_due(self) -> bool:
        """Return whether there is something to do now. It may become due at once when the feed wakes its watchers."""

    def due_in_s(self) -> float:
        """Return in how many seconds something is due."""


@dataclass(slots=True)
class WatchStatistics:
    """The streams of one kind."""

    open: int = 0
    events: int = 0
    """The changes that were handed to streams."""
    ended: Counter[str] = field(default_factory=Counter)
    """By reason: `aged`, `draining`, `left` (by the client, or its connection) and `failed`."""

    @contextmanager
    def stream(self) -> Generator[StreamEnd]:
        """Count one stream, while the block runs."""
        end = StreamEnd()
        self.open += 1
        try:
            yield end
        except VimeshError:
            end.reason = "failed"
            raise
        finally:
            self.open -= 1
            self.ended[end.reason] += 1


@dataclass(slots=True)
class StreamEnd:
    reason: str = "left"


class WatchStreams:
    """The logic that all streams of a conductor share."""

    def __init__(
        self,
        store: VimStore,
        feed: EventFeed,
        limits: WatchLimits,
        *,
        now: Callable[[], float],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._feed = feed
        self._limits = limits
        self._now = now
        self._jitter = jitter
        self.of_vims = WatchStatistics()
        self.of_actions = WatchStatistics()

    async def start_now(self) -> WatchStart:
        """Return where a stream without a given start begins."""
        span = await self._store.span()
        return WatchStart(span.newest, span.log_id)

    async def resume(self, start_revision: int, log_id: str) -> WatchStart:
        """Return where a resumed stream begins. Raises RevisionCompacted, RevisionUnknown (also for another log).

        `log_id`: the log that the revision is of; empty if the client does not say.
        """
        span = await self._store.span()
        if log_id and log_id != span.log_id:
            raise RevisionUnknown(span.newest, is_of_other_log=True)
        if start_revision < span.oldest:
            raise RevisionCompacted(span.oldest)
        if start_revision > span.newest + 1:
            raise RevisionUnknown(span.newest)
        return WatchStart(start_revision - 1, span.log_id)

    async def follow(
        self,
        start: WatchStart,
        concerns: Callable[[VimEvent], bool],
        select: Callable[[Sequence[VimEvent]], Awaitable[Sequence[VimEvent]]] | None = None,
        *,
        reporter: bool = False,
        agenda: StreamAgenda | None = None,
    ) -> AsyncIterator[WatchStep]:
        """Yield every change after the start that concerns the client, in order, each once.

        A step without events is a sign of life: it moves the revision past changes that do not concern the client, and
        comes in time however many of those there are. Of those that concern it, `select` may leave some out, or mark
        them. The streams of a `reporter` are woken before the others. When something is due on the `agenda`, a step
        comes at once.
        Raises RevisionUnknown when the log goes back or is another one, EventUnreadable, and what `select` raises.
        """
        limits, sent_at, revision = self._limits, self._now(), start.revision
        statistics = self.of_actions if reporter else self.of_vims
        beat_s = self._beat_s()
        ends_at = sent_at + limits.max_age_s * (1 - self._jitter() / 5)
        with statistics.stream() as end, self._feed.watching(revision, start.log_id) as generation:
            while True:
                if self._feed.draining:
                    end.reason = "draining"
                    yield WatchStep((), revision, vim_pb2.WATCH_END_DRAINING)
                    return
                if self._now() >= ends_at:
                    end.reason = "aged"
                    yield WatchStep((), revision, vim_pb2.WATCH_END_AGED)
                    return
                wait_s = max(0.0, sent_at + beat_s - self._now())
                if agenda is not None:
                    wait_s = 0.0 if agenda.is_due() else min(wait_s, agenda.due_in_s())
                events = await self._feed.next_events(
                    revision, _BATCH_SIZE, generation=generation, wait_s=wait_s, reporter=reporter
                )
                if events:
                    revision = events[-1].revision
                relevant: Sequence[VimEvent] = [event for event in events if concerns(event)]
                if relevant and select is not None:
                    relevant = await select(relevant)
                statistics.events += len(relevant)
                is_due = agenda is not None and agenda.is_due()
                if relevant or is_due or self._now() >= sent_at + beat_s:
                    yield WatchStep(relevant, revision)
                    sent_at, beat_s = self._now(), self._beat_s()

    def _beat_s(self) -> float:
        # All streams see a change at the same time. Jitter keeps their next signs of life from coinciding.
        return self._limits.beat_s * (1 - self._jitter() / 5)
