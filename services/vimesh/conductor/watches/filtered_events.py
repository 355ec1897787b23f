"""Decides what each change means for a filter: once for all who watch with the same filter."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from vimesh.domain.events import VimEvent
from vimesh.domain.filters.event_match import EventMatch, match_event
from vimesh.domain.filters.filter_store import FilterStore
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.vims import Vim

_MAX_EVENTS = 20_000
"""Decisions that are remembered for each filter: the feed remembers about as many events."""
_MAX_VIMS = 20_000


class FilteredEvents:
    """The filters that are watched with, and what was read for them."""

    def __init__(self, store: FilterStore) -> None:
        self._store = store
        self._filters: dict[Filter, FilteredLog] = {}
        self._vims: dict[int, tuple[VimEvent, Vim | None]] = {}
        """By revision, VIMs as they were when somebody watched with a filter that needed more than the event."""
        self._reading = asyncio.Lock()

    @property
    def filters(self) -> int:
        """Number of distinct filters."""
        return len(self._filters)

    @contextmanager
    def watching(self, vim_filter: Filter) -> Generator[FilteredLog]:
        """Share the decisions for a filter, while the block runs."""
        log = self._filters.setdefault(vim_filter, FilteredLog(vim_filter, self))
        log.watchers += 1
        try:
            yield log
        finally:
            log.watchers -= 1
            if not log.watchers:
                del self._filters[vim_filter]
            if not self._filters:
                self._vims.clear()

    async def vims_of(self, events: Sequence[VimEvent]) -> dict[int, Vim | None]:
        """Return, by revision, the VIMs of these events as they are about now; None for one of which nothing is known.

        Raises StoreUnavailable, Overloaded.
        """
        async with self._reading:
            missing = [event for event in events if self._vims.get(event.revision, (None, None))[0] is not event]
            if missing:
                vims = await self._store.filterable_vims({event.vim_id for event in missing})
                self._vims |= {event.revision: (event, vims.get(event.vim_id)) for event in missing}
            of_events = {event.revision: self._vims[event.revision][1] for event in events}
            _forget_oldest(self._vims, _MAX_VIMS)
            return of_events


class FilteredLog:
    """The changes as those see them who watch with one filter."""

    def __init__(self, vim_filter: Filter, shared: FilteredEvents) -> None:
        self._filter = vim_filter
        self._shared = shared
        self._decided: dict[int, tuple[VimEvent, VimEvent | None]] = {}
        self._deciding = asyncio.Lock()
        self.watchers = 0
        self.decisions = 0
        """Number of changes that were decided on."""

    async def select(self, events: Sequence[VimEvent]) -> Sequence[VimEvent]:
        """Return the changes that concern the watchers; some of them are marked as filtered out.

        Raises StoreUnavailable, Overloaded.
        """
        if any(self._missing(event) for event in events):
            # Others that wait for the same changes find them decided.
            async with self._deciding:
                await self._decide([event for event in events if self._missing(event)])
                selected = self._selected(events)
                _forget_oldest(self._decided, _MAX_EVENTS)
                return selected
        return self._selected(events)

    def _selected(self, events: Sequence[VimEvent]) -> Sequence[VimEvent]:
        return [shown for event in events if (shown := self._decided[event.revision][1]) is not None]

    def _missing(self, event: VimEvent) -> bool:
        # Compare the event: after a restored backup, a different change may have this revision.
        decided = self._decided.get(event.revision)
        return decided is None or (decided[0] is not event and decided[0] != event)

    async def _decide(self, events: Sequence[VimEvent]) -> None:
        root = self._filter.root
        matched = {event.revision: match_event(root, event) for event in events}
        undecided = [event for event in events if matched[event.revision] is None]
        vims = await self._shared.vims_of(undecided) if undecided else {}
        for event in events:
            match = matched[event.revision] or match_event(root, event, vims.get(event.revision))
            self._decided[event.revision] = (event, _as_seen(event, match))
        self.decisions += len(events)


def _forget_oldest(remembered: dict[int, Any], count: int) -> None:
    """Remove the oldest entries, until only so many are left."""
    for revision in list(islice(remembered, max(0, len(remembered) - count))):
        del remembered[revision]


def _as_seen(event: VimEvent, match: EventMatch | None) -> VimEvent | None:
    """Return the event as watchers see it; None if they do not. An undecided one counts as filtered out."""
    if match is EventMatch.IRRELEVANT:
        return None
    return event if match is EventMatch.MATCHES else replace(event, filtered_out=True)
