"""Keeps rows in order while they change, without sorting all of them again for a few."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from vimesh.cli.top.vim_row import VimRow
from vimesh.v1.vim_pb2 import Vim

_WORST_FIRST: Final[Mapping[int, int]] = {Vim.UNREACHABLE: 0, Vim.UNKNOWN: 1, Vim.PENDING: 2, Vim.REACHABLE: 3}
_LAST: Final = 9
Key = tuple[Any, ...]
"""What rows are compared by; its last item is the id, so that no two are equal."""

SORTS: Final[Mapping[str, Callable[[VimRow], Key]]] = {
    "status": lambda row: (_WORST_FIRST.get(row.status, _LAST), row.name, row.vim_id),
    "name": lambda row: (row.name, row.vim_id),
    "since": lambda row: (-row.since_s, row.vim_id),
    "reason": lambda row: (not row.reason, row.reason, row.name, row.vim_id),
}
"""By name, the ways to sort: the worst status, the newest status or a reason first."""
_FEW: Final = 64
_MOST_ONE_BY_ONE: Final = 200
"""Each row that is moved alone shifts a list of all rows: beyond one in so many, sorting is cheaper."""


class RowOrder:
    def __init__(self, sort: str = "status") -> None:
        self.sort = sort
        self.is_reversed = False
        self._keys: list[Key] = []
        self._key_of: dict[str, Key] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def rebuild(self, rows: Mapping[str, VimRow]) -> None:
        key = SORTS[self.sort]
        self._key_of = {vim_id: key(row) for vim_id, row in rows.items()}
        self._keys = sorted(self._key_of.values())

    def move(self, changed: Collection[str], rows: Mapping[str, VimRow]) -> None:
        """Bring the rows with these ids to where they belong now, which for some is nowhere."""
        if len(changed) > _FEW + len(rows) // _MOST_ONE_BY_ONE:
            self.rebuild(rows)
            return
        key = SORTS[self.sort]
        for vim_id in changed:
            before = self._key_of.pop(vim_id, None)
            if before is not None:
                del self._keys[bisect_left(self._keys, before)]
            if (row := rows.get(vim_id)) is not None:
                self._key_of[vim_id] = key(row)
                insort(self._keys, self._key_of[vim_id])

    def ids(self, first: int, count: int) -> list[str]:
        """Return the ids of so many rows from a place on."""
        if not self.is_reversed:
            return [str(key[-1]) for key in self._keys[first : first + count]]
        end = len(self._keys) - first
        return [str(key[-1]) for key in reversed(self._keys[max(0, end - count) : max(0, end)])]

    def place(self, vim_id: str) -> int | None:
        """Return at which place a VIM is; None if it has none."""
        key = self._key_of.get(vim_id)
        if key is None:
            return None
        place = bisect_left(self._keys, key)
        return len(self._keys) - 1 - place if self.is_reversed else place
