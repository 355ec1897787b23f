"""Defines, as a protocol, what the services require of the store to filter and to summarize."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from vimesh.domain.filters.vim_summary import SummaryQuery, VimSummary
from vimesh.domain.vims import Vim


class FilterStore(Protocol):
    """Its methods raise StoreUnavailable and Overloaded, as those of VimStore."""

    async def summarize(self, query: SummaryQuery) -> VimSummary:
        """Count VIMs as they are visible at one moment."""

    async def filterable_vims(self, vim_ids: Collection[str]) -> Mapping[str, Vim]:
        """Return these VIMs, with all fields that filters compare; those that can be large are empty.

        A deregistered VIM is returned as it was at last, if the log still has that; otherwise it is left out.
        """
