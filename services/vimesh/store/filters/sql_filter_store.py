"""Implements FilterStore on a SQL database."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.domain.filters.vim_summary import SummaryQuery, VimSummary
from vimesh.domain.vims import Vim
from vimesh.store.filters.filterable_vims import filterable_vims
from vimesh.store.filters.leftover_labels import delete_leftover_labels, has_leftover_labels
from vimesh.store.filters.summarize_vims import summarize
from vimesh.store.transactions.database import Database

_CLEANED_EVERY_S: Final = 600.0
"""A version before labels may serve beside this one, while a fleet is upgraded."""


class SqlFilterStore:
    def __init__(self, database: Database, *, now: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._now = now
        self._clean_until = now()

    async def summarize(self, query: SummaryQuery) -> VimSummary:
        if any(field.startswith(LABEL_PREFIX) for field in query.group_by):
            await self._delete_leftovers()
        return await self._database.browse(lambda c: summarize(c, query))

    async def filterable_vims(self, vim_ids: Collection[str]) -> Mapping[str, Vim]:
        return await self._database.read(lambda c: filterable_vims(c, vim_ids))

    async def _delete_leftovers(self) -> None:
        if self._now() < self._clean_until:
            return
        if await self._database.browse(has_leftover_labels):
            await self._database.write(delete_leftover_labels)
        self._clean_until = self._now() + _CLEANED_EVERY_S
