"""Implements FilterStore on a SQL database."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vimesh.domain.filters.vim_summary import SummaryQuery, VimSummary
from vimesh.domain.vims import Vim
from vimesh.store.filters.filterable_vims import filterable_vims
from vimesh.store.filters.summarize_vims import summarize
from vimesh.store.transactions.database import Database


class SqlFilterStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def summarize(self, query: SummaryQuery) -> VimSummary:
        return await self._database.browse(lambda c: summarize(c, query))

    async def filterable_vims(self, vim_ids: Collection[str]) -> Mapping[str, Vim]:
        return await self._database.read(lambda c: filterable_vims(c, vim_ids))
