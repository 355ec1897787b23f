"""Limits what a page of an answer costs: its bytes, and the values in its free-form fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vimesh.domain.queries import MAX_PAGE_BYTES, MAX_PAGE_VALUES

_FIRST_COUNT: Final = 20
_MAX_COUNT: Final = 100
"""Rows that the first statement reads, and the most that a later one reads: their size is known only after reading."""


class PageBudget:
    """The remaining room in a page. The first row always fits, however large it is."""

    def __init__(self) -> None:
        self._bytes = MAX_PAGE_BYTES
        self._values = MAX_PAGE_VALUES
        self._largest = 0

    def fits(self, size_bytes: int, free_form: Iterable[str]) -> bool:
        """Return whether one more row fits, and count it. `free_form`: its free-form fields, as JSON."""
        is_first = not self._largest
        self._largest = max(self._largest, size_bytes, 1)
        self._bytes -= size_bytes
        for text in free_form:
            self._values -= _count_values(text)
        return is_first or (self._bytes >= 0 and self._values >= 0)

    def next_count(self) -> int:
        """Return how many rows to read next."""
        return min(_MAX_COUNT, 1 + max(0, self._bytes) // self._largest) if self._largest else _FIRST_COUNT


def _count_values(text: str) -> int:
    """Return an upper bound on the number of values in a JSON document, without parsing it.

    Lists and objects count twice: it takes twice as long to convert them.
    """
    return 1 + text.count(",") + text.count("[") + text.count("{")
