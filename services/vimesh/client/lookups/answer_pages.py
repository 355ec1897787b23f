"""Fetches lists, and guards against those whose pages never end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeVar

from vimesh.client.client_errors import EndlessList
from vimesh.rpc.list_pages import PAGE_SIZE, Fetch, list_pages

_T = TypeVar("_T")

_MAX_ITEMS = 1_000_000
"""Ten times the number of VIMs that a fleet is designed for."""


async def fetch_all(fetch: Fetch[_T], limit: int | None, *, may_be_empty: bool = False) -> list[_T]:
    """Return all items, up to a limit: see `fetch_pages`."""
    return [item async for page in fetch_pages(fetch, limit, may_be_empty=may_be_empty) for item in page]


async def fetch_pages(
    fetch: Fetch[_T], limit: int | None, *, may_be_empty: bool = False
) -> AsyncGenerator[Sequence[_T]]:
    """Yield all items, up to a limit, while the next ones are fetched. Raises EndlessList.

    `may_be_empty`: whether others may follow a page without items.
    """
    if limit == 0:
        return
    count = 0
    async with aclosing(list_pages(fetch, first_size=min(limit or PAGE_SIZE, PAGE_SIZE))) as pages:
        coming = asyncio.create_task(anext(pages))
        try:
            while True:
                items, token = await coming
                count += len(items)
                is_last = not token or (limit is not None and count >= limit)
                if not is_last:
                    _require_end(count, is_empty=not items and not may_be_empty)
                    coming = asyncio.create_task(anext(pages))
                yield items if limit is None or count <= limit else items[: limit - count]
                if is_last:
                    return
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


def _require_end(count: int, *, is_empty: bool) -> None:
    """Raise EndlessList if the pages seem never to end."""
    if is_empty:
        raise EndlessList("the fleet returned an empty page before the end of the list", is_long=False)
    if count >= _MAX_ITEMS:
        raise EndlessList(f"the fleet returned a list of more than {_MAX_ITEMS} items", is_long=True)
