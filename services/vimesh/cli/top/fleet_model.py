"""What is known of a fleet: rows of VIMs in order, counts, the newest changes, and whether all that is still heard of.

It is filled by the messages of a watch, and knows neither a connection nor a screen.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from vimesh.cli.output.event_lines import NamedEvent
from vimesh.cli.output.vim_columns import seconds_of
from vimesh.cli.top.row_order import RowOrder
from vimesh.cli.top.vim_row import VimRow, row_of
from vimesh.v1.vim_pb2 import Vim, VimEvent
from vimesh.v1.vim_service_pb2 import WatchVimsResponse

_NEWEST: Final = 100
"""Changes that are kept to be shown."""


class FleetModel:
    def __init__(self, *, sort: str = "status", clock: Callable[[], float] = time.time) -> None:
        self.rows: dict[str, VimRow] = {}
        self.order = RowOrder(sort)
        self.counts: Counter[int] = Counter()
        """How many VIMs have which status."""
        self.changes: deque[NamedEvent] = deque(maxlen=_NEWEST)
        """The newest last."""
        self.is_complete = False
        """Whether all VIMs of the snapshot have been received."""
        self.incomplete: set[str] = set()
        """Ids of rows that a change has brought of which it did not say everything."""
        self.version = 0
        """Grows with everything that a screen would show."""
        self.trouble = ""
        """Why there is no connection; empty if there is one."""
        self.lost_s = 0.0
        """Since when there is none, by the clock."""
        self._clock = clock
        self._ahead_s = 0.0
        """How much later it is at least by the database's clock, which has dated its changes."""
        self._fresh: dict[str, VimRow] = {}
        self._changed: set[str] = set()
        self._ends_s: list[float] = []
        """When the statuses cease to be valid, of a fleet that is gone; in order."""

    @property
    def arriving(self) -> int:
        """How many VIMs of the snapshot have been received."""
        return len(self._fresh)

    def now_s(self) -> float:
        """Return the time by the database's clock, as far as it is known: never earlier than by ours."""
        return self._clock() + self._ahead_s

    def restart(self) -> None:
        """Forget everything, for a watch with another filter."""
        self.rows, self._fresh, self.is_complete = {}, {}, False
        self.incomplete.clear()
        self.changes.clear()
        self._rebuild()

    def take(self, answer: WatchVimsResponse, *, afresh: bool = False) -> None:
        """Apply a message of the watch. `afresh`: it begins a snapshot."""
        if afresh:
            self._fresh, self.is_complete = {}, False
        for vim in answer.vims:
            self._fresh[vim.id] = row_of(vim)
        if not self.is_complete and answer.revision:
            # VIMs that are missing in a new snapshot are gone.
            self.rows, self._fresh, self.is_complete = self._fresh, {}, True
            self.incomplete.clear()
            self._rebuild()
        for event in answer.events:
            self._apply(event)
        if answer.vims or answer.events:
            self.version += 1

    def recall(self, past: Iterable[VimEvent]) -> None:
        """Take over changes from before the watch, the newest first."""
        oldest = self.changes[0].event.revision if self.changes else None
        for event in past:
            if len(self.changes) == _NEWEST:
                break
            if oldest is None or event.revision < oldest:
                self.changes.appendleft(NamedEvent(event, self._name(event)))
        self.version += 1

    def refresh(self, vims: Iterable[Vim]) -> None:
        """Take over VIMs that were read by their ids. The changes that they include may be yet to come."""
        for vim in vims:
            if (row := self.rows.get(vim.id)) is None:
                continue
            self.counts[row.status] -= 1
            row.fill(vim)
            self.counts[row.status] += 1
            self._changed.add(vim.id)
            self.incomplete.discard(vim.id)
        self.version += 1

    def settle(self) -> None:
        """Bring the rows in order that have changed since the last time."""
        if self._changed:
            self.order.move(self._changed, self.rows)
            self._changed.clear()

    def sort_by(self, sort: str) -> None:
        self.order.sort = sort
        self._rebuild()

    def reverse(self) -> None:
        self.order.is_reversed = not self.order.is_reversed
        self.version += 1

    def lose(self, why: str) -> None:
        """Note that the connection broke, or that another one could not be made. The newest reason counts."""
        if not self.trouble:
            self.lost_s = self._clock()
            self._ends_s = sorted(row.valid_until_s for row in self.rows.values())
        self.trouble = why
        self.version += 1

    def regain(self) -> None:
        """Note that the connection is back."""
        self.trouble = ""
        self.version += 1

    def is_stale(self, row: VimRow) -> bool:
        """Return whether the status may be another one by now.

        While we are connected, a lease that ends is a change that we are told of. Afterwards, a status is believed
        until the end of the lease that is known.
        """
        return bool(self.trouble) and row.valid_until_s <= self.now_s()

    def stale_count(self) -> int:
        return bisect_right(self._ends_s, self.now_s()) if self.trouble else 0

    def visible(self, first: int, count: int) -> Sequence[VimRow]:
        """Return so many rows from a place on. Call `settle` before."""
        return [self.rows[vim_id] for vim_id in self.order.ids(first, count)]

    def _apply(self, event: VimEvent) -> None:
        self._ahead_s = max(self._ahead_s, seconds_of(event.time) - self._clock())
        row = self.rows.get(event.vim_id)
        if row is not None and event.revision <= row.revision:
            return  # the snapshot was read after this change
        if row is None and event.filtered_out:
            return  # it did not match before, either
        self.changes.append(NamedEvent(event, self._name(event)))
        self._changed.add(event.vim_id)
        if row is not None:
            self.counts[row.status] -= 1
        if event.filtered_out or event.kind == VimEvent.DEREGISTERED:
            self.rows.pop(event.vim_id, None)
            self.incomplete.discard(event.vim_id)
            return
        if row is None:
            row = self.rows[event.vim_id] = VimRow(event.vim_id)
            if event.kind != VimEvent.REGISTERED:
                self.incomplete.add(event.vim_id)
        row.follow(event)
        self.counts[row.status] += 1

    def _name(self, event: VimEvent) -> str:
        row = self.rows.get(event.vim_id)
        return row.name if row is not None else event.vim.name

    def _rebuild(self) -> None:
        self.counts = Counter(row.status for row in self.rows.values())
        self.order.rebuild(self.rows)
        self._changed.clear()
        self.version += 1
