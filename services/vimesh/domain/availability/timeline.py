"""Derives from the changes of a VIM how long it had which status, to the microsecond (G20).

A change counts from when it was seen, but not before the change in front of it has begun: so the spans of a VIM have
neither gaps nor overlaps. Decision 57 says what that means for late reports, silences, backups and removed VIMs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from vimesh.domain.events import EventKind

MAINTENANCE: Final = "MAINTENANCE"
"""Stands where a status would, for time in which maintenance covered the VIM. It wins over any status."""
COUNTED_KINDS: Final = (
    EventKind.REGISTERED,
    EventKind.STATUS_CHANGED,
    EventKind.REASON_CHANGED,
    EventKind.ACTION_REPLACED,
    EventKind.DEREGISTERED,
)
"""Kinds of changes that begin a span. MODIFIED does, too, if it brings a new action: the status is PENDING then."""


class StatusChange(NamedTuple):
    """From when on a VIM had a status."""

    seen: int
    """When the status was seen or the lease ended, else when it was committed, in microseconds since 1970."""
    status: str
    reason: str


class StatusSpan(NamedTuple):
    """The time from `start` until before `stop`, in microseconds since 1970, in which a VIM had one status."""

    start: int
    stop: int
    status: str
    reason: str


class TimeSpan(NamedTuple):
    """The time from `start` until before `stop`, in microseconds since 1970."""

    start: int
    stop: int


def begins_span(kind: str, stopped_action_id: str) -> bool:
    """Return whether a change of this kind begins a span."""
    return kind in COUNTED_KINDS or bool(stopped_action_id)


def status_spans(changes: Iterable[StatusChange], stop: int) -> Iterator[StatusSpan]:
    """Yield the spans between the changes of a VIM, which are in the order of their revisions, until `stop`.

    Together they cover the time from the first change until `stop` exactly once; empty ones are left out.
    """
    current: StatusSpan | None = None
    for change in changes:
        if current is None:
            current = StatusSpan(change.seen, change.seen, change.status, change.reason)
            continue
        start = max(change.seen, current.start)
        if (ended := current._replace(stop=min(start, stop))).start < ended.stop:
            yield ended
        current = StatusSpan(start, start, change.status, change.reason)
    if current is not None and current.start < stop:
        yield current._replace(stop=stop)


def union(spans: Iterable[TimeSpan]) -> list[TimeSpan]:
    """Return the time that any of the spans covers, as spans in order that do not touch."""
    joined: list[TimeSpan] = []
    for span in sorted(span for span in spans if span.start < span.stop):
        if joined and span.start <= joined[-1].stop:
            joined[-1] = TimeSpan(joined[-1].start, max(joined[-1].stop, span.stop))
        else:
            joined.append(span)
    return joined


def under_maintenance(spans: Iterable[StatusSpan], covered: Sequence[TimeSpan]) -> Iterator[StatusSpan]:
    """Yield the spans with all covered time as MAINTENANCE, which has the reason empty.

    `covered` is in order and does not overlap: see `union`. The spans are in order, too.
    """
    position = 0
    for span in spans:
        start = span.start
        while position < len(covered) and covered[position].stop <= start:
            position += 1
        for cover in covered[position:]:
            if cover.start >= span.stop:
                break
            if start < cover.start:
                yield span._replace(start=start, stop=cover.start)
            yield StatusSpan(max(start, cover.start), min(cover.stop, span.stop), MAINTENANCE, "")
            start = min(cover.stop, span.stop)
        if start < span.stop:
            yield span._replace(start=start)


def bounded(spans: Iterable[StatusSpan], start: int, stop: int) -> Iterator[StatusSpan]:
    """Yield the parts of the spans that lie between `start` and `stop`."""
    for span in spans:
        part = span._replace(start=max(span.start, start), stop=min(span.stop, stop))
        if part.start < part.stop:
            yield part
