"""Implements the timing wheel, which holds everything that falls due at some time."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import Generic, TypeVar

_NEVER = -1


class Timed:
    """An item that a wheel can hold, once."""

    __slots__ = ("slot",)

    def __init__(self) -> None:
        self.slot = _NEVER


T = TypeVar("T", bound=Timed)


class TimingWheel(Generic[T]):
    """Holds items by the slot in which they fall due. Setting and cancelling cost the same for any number of items.

    Setting an item again leaves its old entry behind, which is skipped when its slot comes.
    """

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._slots: dict[int, list[T]] = {}
        self._order: list[int] = []
        self._last_slot = _NEVER

    def set(self, item: T, when: float) -> None:
        """Make the item due at `when`, never earlier. Replaces the time that it was set to before."""
        # A slot that was taken does not come again: overdue items go into the next one.
        slot = math.ceil(when / self._tick_s)
        if slot <= self._last_slot:
            slot = self._last_slot + 1
        if slot == item.slot:
            return
        item.slot = slot
        entries = self._slots.get(slot)
        if entries is None:
            self._slots[slot] = [item]
            heapq.heappush(self._order, slot)
        else:
            entries.append(item)

    def cancel(self, item: T) -> None:
        item.slot = _NEVER

    def next_due(self) -> float | None:
        """Return when to look again, or None if the wheel is empty."""
        return self._order[0] * self._tick_s if self._order else None

    def take_due(self, now: float) -> Iterator[T]:
        """Yield the due items. Items may be set and cancelled during the iteration: cancelled ones are not yielded."""
        last = math.floor(now / self._tick_s + 1e-6)
        while self._order and self._order[0] <= last:
            slot = heapq.heappop(self._order)
            self._last_slot = slot
            for item in self._slots.pop(slot):
                if item.slot == slot:
                    item.slot = _NEVER
                    yield item
