"""Selects events by their time and kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from vimesh.cli.watches.past_times import past_time
from vimesh.domain.settings import BadFlag
from vimesh.v1.vim_pb2 import VimEvent

SINCE = "--since"
UNTIL = "--until"
KIND = "--kind"
KINDS = tuple(kind.name.lower() for kind in VimEvent.Kind.DESCRIPTOR.values if kind.number)


@dataclass(frozen=True, slots=True)
class EventSpan:
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    kinds: frozenset[int] = frozenset()
    """Empty: all."""

    def includes(self, event: VimEvent) -> bool:
        if self.kinds and event.kind not in self.kinds:
            return False
        if self.until is not None and event.time.ToDatetime(dt.UTC) >= self.until:
            return False
        return not self.begins_after(event)

    def begins_after(self, event: VimEvent) -> bool:
        """Return whether an event, and all before it, are too old."""
        return self.since is not None and event.time.ToDatetime(dt.UTC) < self.since


EVERYTHING = EventSpan()


def event_span(since: str | None, until: str | None, kinds: Sequence[str] | None) -> EventSpan:
    """Read the flags. Raises BadFlag."""
    span = EventSpan(
        None if since is None else past_time(SINCE, since),
        None if until is None else past_time(UNTIL, until),
        frozenset(map(_kind, kinds or ())),
    )
    if span.since is not None and span.until is not None and span.since >= span.until:
        raise BadFlag(UNTIL, f"must be after {SINCE}")
    return span


def _kind(word: str) -> int:
    kind = word.lower().replace("-", "_")
    if kind not in KINDS:
        raise BadFlag(KIND, f"must be one of {', '.join(KINDS)}, not {word[:50]!r}")
    return VimEvent.Kind.Value(kind.upper())
