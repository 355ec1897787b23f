"""Fetches lists, and guards against those whose pages never end."""

from __future__ import annotations

from typing import TypeVar

from vimesh.cli.base.exits import Failure
from vimesh.rpc.list_pages import PAGE_SIZE, Fetch, list_pages

_T = TypeVar("_T")

_MAX_ITEMS = 1_000_000
"""Ten times the number of VIMs that a fleet is designed for."""


async def fetch_all(fetch: Fetch[_T], limit: int | None, *, may_be_empty: bool = False) -> list[_T]:
    """Return all items, up to a limit. Raises Failure if the pages seem never to end.

    `may_be_empty`: whether others may follow a page without items.
    """
    found: list[_T] = []
    if limit == 0:
        return found
    async for items, token in list_pages(fetch, first_size=min(limit or PAGE_SIZE, PAGE_SIZE)):
        found += items
        if limit is not None and len(found) >= limit:
            return found[:limit]
        if token and not items and not may_be_empty:
            raise Failure("the fleet returned an empty page before the end of the list")
        if token and len(found) >= _MAX_ITEMS:
            raise Failure(f"the fleet returned a list of more than {_MAX_ITEMS} items", hint="use --limit")
    return found
