"""One status page: what the fleet said, what is made of it, and what is sent, which is kept until it changes."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from vimesh.console.content_policy import of_plain_page
from vimesh.console.static_answer import StaticAnswer, prepare_answer
from vimesh.console.status.cached_answer import Answered, CachedAnswer, CacheTimes
from vimesh.console.status.fleet_answers import FleetAnswers, LineCounts, PageCounts, PageDays
from vimesh.console.status.line_states import (
    LineState,
    LineView,
    availability_of,
    days_of,
    remark_of,
    state_of,
    words_of,
    worst_of,
)
from vimesh.console.status.pages_file import MAX_LINES, StatusPage
from vimesh.console.status.render_page import FeedItem, PageView, PageWriter
from vimesh.runtime.task_crew import TaskCrew

COUNTS_FRESH_S: Final = 10.0
DAYS_FRESH_S: Final = 60.0
STALE_AFTER_S: Final = 60.0
"""An older answer says nothing of now: everything reads unknown."""
MAX_ITEMS: Final = 100
"""Items of a feed."""
_MAX_KEPT: Final = 2 * MAX_LINES
_SPACE: Final = uuid.UUID("7b6b0d7e-5a0c-5c43-9a43-0b7d3d3a2f10")
"""Of the ids of feeds and their items."""
_EMBEDDED: Final = {"cross-origin-resource-policy": "cross-origin"}
"""Other pages show badges."""


class StatusBoard:
    def __init__(  # noqa: PLR0913 - it gets all its collaborators here
        self,
        page: StatusPage,
        fleet: FleetAnswers,
        writer: PageWriter,
        crew: TaskCrew,
        *,
        now: Callable[[], dt.datetime],
        clock: Callable[[], float] = time.monotonic,
        days_wait_s: float = 1.0,
    ) -> None:
        """`now`: the time in UTC, which is shown; `clock`: counts seconds.

        `days_wait_s`: how long a reader waits for the days, without which pages are shown, too.
        """
        self.page = page
        self._writer = writer
        self._now = now
        self._clock = clock
        self._began = now()
        self._counts = CachedAnswer[PageCounts](
            lambda: fleet.counts(page), CacheTimes(COUNTS_FRESH_S, stale_s=STALE_AFTER_S), crew, clock
        )
        self._days = CachedAnswer[PageDays](
            lambda: fleet.days(page), CacheTimes(DAYS_FRESH_S, wait_s=days_wait_s), crew, clock
        )
        self._kept: dict[str, tuple[object, StaticAnswer]] = {}
        self._dated: dict[str, tuple[str, dt.datetime]] = {}

    async def html(self) -> StaticAnswer:
        counts, days = await asyncio.gather(self._counts.read(), self._days.read())
        policy = {"content-security-policy": of_plain_page(self._writer.style_hash)}

        def make() -> StaticAnswer:
            page = self._writer.page(self._view(counts, days))
            return prepare_answer(page, "text/html; charset=utf-8", self._headers(policy))

        return self._keep("html", self._basis(counts, days), make)

    async def badge(self, value: str | None = None) -> StaticAnswer | None:
        """Return the badge of a line, by its value of the label, or of the page; None if it has no such line."""
        counts = await self._counts.read()
        states = self._states(counts)
        if value is None:
            label, state = self.page.title, worst_of(list(states.values()))
        elif value in states:
            label, state = self.page.shown(value), states[value]
        elif counts is None and value in self.page.names:
            label, state = self.page.shown(value), LineState.UNKNOWN
        else:
            return None
        return self._keep(
            f"badge {value or ''}",
            state,
            lambda: prepare_answer(self._writer.badge(label, state), "image/svg+xml", self._headers(_EMBEDDED)),
        )

    async def feed(self) -> StaticAnswer:
        counts, days = await asyncio.gather(self._counts.read(), self._days.read())

        def make() -> StaticAnswer:
            view = self._view(counts, days)
            items = [] if days is None else list(islice(self._items(view, days.value), MAX_ITEMS))
            self._dated = {item.id: self._dated[item.id] for item in items}
            updated = max((item.updated for item in items), default=self._began)
            feed = self._writer.feed(view, self._id(), items, updated)
            return prepare_answer(feed, "application/atom+xml; charset=utf-8", self._headers(_EMBEDDED))

        return self._keep("feed", self._basis(counts, days), make)

    def _basis(self, counts: Answered[PageCounts] | None, days: Answered[PageDays] | None) -> object:
        """Return what all that is made of these answers has in common: it is compared for each reader, at no cost."""
        return counts and counts.time, days and days.time, self._is_stale(counts)

    def _is_stale(self, counts: Answered[PageCounts] | None) -> bool:
        return counts is None or self._clock() - counts.time > STALE_AFTER_S

    def _states(self, counts: Answered[PageCounts] | None) -> dict[str, LineState]:
        """Return the states of all lines, by value of the label."""
        known = {} if counts is None else counts.value.lines
        is_stale = self._is_stale(counts)
        return {value: LineState.UNKNOWN if is_stale else state_of(of_line) for value, of_line in known.items()}

    def _keep(self, name: str, basis: object, make: Callable[[], StaticAnswer]) -> StaticAnswer:
        """Return the answer that was made of the same basis before, or make it."""
        if name in self._kept and self._kept[name][0] == basis:
            return self._kept[name][1]
        if len(self._kept) >= _MAX_KEPT:
            self._kept.clear()  # lines come and go
        answer = make()
        self._kept[name] = (basis, answer)
        return answer

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        shared = "public" if self.page.public else "private"
        return {"cache-control": f"{shared}, max-age={COUNTS_FRESH_S:g}", **more}

    def _view(self, counts: Answered[PageCounts] | None, days: Answered[PageDays] | None) -> PageView:
        known: Mapping[str, LineCounts] = {} if counts is None else counts.value.lines
        states, is_stale, asked = self._states(counts), self._is_stale(counts), self._asked(counts)
        lines = [self._line(value, states[value], of_line, days, is_stale=is_stale) for value, of_line in known.items()]
        worst = worst_of([line.state for line in lines])
        return PageView(
            name=self.page.name,
            title=self.page.title,
            headline=_headline(lines, worst),
            worst=worst,
            lines=lines,
            omitted=0 if counts is None else counts.value.omitted,
            asked=asked,
            stale_since=(asked or self._began) if is_stale else None,
        )

    def _asked(self, counts: Answered[PageCounts] | None) -> dt.datetime | None:
        if counts is None:
            return None
        return (self._now() - dt.timedelta(seconds=self._clock() - counts.time)).replace(microsecond=0)

    def _line(
        self, value: str, state: LineState, counts: LineCounts, days: Answered[PageDays] | None, *, is_stale: bool
    ) -> LineView:
        return LineView(
            value=value,
            name=self.page.shown(value),
            state=state,
            remark="" if is_stale else remark_of(counts),
            availability="" if days is None else availability_of(days.value.lines.get(value, {})),
            days=() if days is None else days_of(days.value, value),
        )

    def _items(self, view: PageView, days: PageDays) -> Iterator[FeedItem]:
        """Yield an item for each day of a line on which its VIMs were not simply reachable, the newest first."""
        troubled = sorted(
            (
                (day, line)
                for line in view.lines
                for day, durations in days.lines.get(line.value, {}).items()
                if words_of(durations)
            ),
            key=lambda each: each[0],
            reverse=True,
        )
        for day, line in troubled:
            words = words_of(days.lines[line.value][day])
            text = f"On {day.isoformat()} (UTC): {words}."
            if day == days.last:
                text += f" Now {line.state.value}."
            item_id = self._id(line.value, day.isoformat())
            yield FeedItem(item_id, f"{line.name}: {words}", text, self._date(item_id, text, day, days))

    def _date(self, item_id: str, text: str, day: dt.date, days: PageDays) -> dt.datetime:
        """Return since when an item says what it says: its day may not have ended."""
        if item_id not in self._dated or self._dated[item_id][0] != text:
            end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)
            self._dated[item_id] = (text, min(end, days.counted_until))
        return self._dated[item_id][1]

    def _id(self, *parts: str) -> str:
        # The name of a fleet may have any characters: those after it are of its page.
        fleet = f"{self.page.fleet}\0" if self.page.fleet else ""
        return f"urn:uuid:{uuid.uuid5(_SPACE, fleet + '/'.join((self.page.name, *parts)))}"


def _headline(lines: list[LineView], worst: LineState) -> str:
    """Say how the page as a whole is, the most alarming first."""
    if not lines:
        return "unknown"
    counts = Counter(line.state for line in lines)
    if len(counts) == 1:
        return f"all {worst.value}" if len(lines) > 1 else worst.value
    others = (state for state in LineState if counts[state] and state is not LineState.REACHABLE)
    return ", ".join(f"{counts[state]} of {len(lines)} {state.value}" for state in others)
