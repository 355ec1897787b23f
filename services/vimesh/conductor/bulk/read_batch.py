"""Reads the VIMs of calls that carry many, and keeps one such call from costing too much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from vimesh.domain.errors import BadInput, VimeshError, Violation
from vimesh.domain.labels.label_syntax import MAX_LABELS
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.limits import MAX_BATCH_BYTES, MAX_BATCH_VALUES, MAX_FREE_FORM_VALUES
from vimesh.wire.message_rules import EntryRules, Rules
from vimesh.wire.value_count import count_values
from vimesh.wire.vim_messages import free_form_fields

_M = TypeVar("_M", pb.RegisterVimRequest, pb.VimToApply)
_V = TypeVar("_V")
_T = TypeVar("_T")


class BatchReader(Generic[_M, _V]):
    """Reads the entries of one call, and counts their bytes and values against the limits of a batch."""

    def __init__(self, rules: Rules, read: Callable[[_M], _V]) -> None:
        """`read` reads an entry that keeps the rules. It raises a VimeshError if the entry is refused all the same."""
        self._rules = EntryRules(rules)
        self._read: Callable[[_M], _V] = read
        self._bytes = _Allowance(MAX_BATCH_BYTES, "bytes")
        self._values = _Allowance(MAX_BATCH_VALUES, "values")

    async def read(self, entries: Sequence[_M]) -> list[_V | VimeshError]:
        """Return each entry as it was read, or why it is refused.

        All take one step before the first takes the next: what a step needs stays in the caches of the core, without
        which checking and reading one after the other takes half as long again.
        """
        counted = await self._step(self._count, entries)
        return await self._step(self._read, await self._step(self._check, counted))

    async def _step(self, step: Callable[[_M], _T], entries: Sequence[_M | VimeshError]) -> list[_T | VimeshError]:
        def take(entry: _M | VimeshError) -> _T | VimeshError:
            if isinstance(entry, VimeshError):
                return entry
            try:
                return step(entry)
            except VimeshError as error:
                return error.with_traceback(None)

        return await in_slices(take, entries)

    def _check(self, entry: _M) -> _M:
        self._rules.check(entry)
        return entry

    def _count(self, entry: _M) -> _M:
        """Raise BadInput once the batch exceeds a limit. A field above its own bound is left to the rules."""
        # Any VIM may come alone, however large it is.
        self._bytes.take(min(entry.ByteSize(), MAX_BATCH_BYTES), MAX_BATCH_BYTES)
        # More labels than a VIM may have are refused before they are looked at.
        self._values.take(min(len(entry.vim.labels), MAX_LABELS), MAX_LABELS)
        for struct in free_form_fields(entry.vim).values():
            count = count_values(struct, min(self._values.left, MAX_FREE_FORM_VALUES))
            self._values.take(count, MAX_FREE_FORM_VALUES)
        return entry


class _Allowance:
    """What is left to the rest of a batch."""

    def __init__(self, limit: int, unit: str) -> None:
        self._limit = limit
        self._unit = unit
        self.left = limit

    def take(self, count: int, own_bound: int) -> None:
        """Take so many, of which `own_bound` may come at once. Raises BadInput if fewer are left."""
        max_count = min(self.left, own_bound)
        self.left -= min(count, max_count)
        if max_count < count and max_count < own_bound:
            text = f"with others before it, holds more than {self._limit} {self._unit}: send it in another call"
            raise BadInput(Violation("vim", text))
