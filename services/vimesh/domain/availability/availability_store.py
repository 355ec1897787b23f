"""Defines, as a protocol, what the services require of the store of availability."""

from __future__ import annotations

from typing import Protocol

from vimesh.domain.availability.availability_query import AvailabilityPage, AvailabilityQuery


class AvailabilityStore(Protocol):
    """Counts how long VIMs had which status (G20). Methods raise StoreUnavailable and Overloaded as VimStore does."""

    async def query_availability(self, query: AvailabilityQuery) -> AvailabilityPage:
        """Return a page of rows. Raises PageTokenInvalid, BadInput if there are too many groups."""

    async def count_changes(self, limit: int) -> int:
        """Count up to `limit` changes into days, those that are no longer new; return how many."""
