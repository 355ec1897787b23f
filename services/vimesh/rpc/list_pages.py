"""Reads a list of VIMs or events page by page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, TypeVar

_T = TypeVar("_T")

Fetch = Callable[[int, str], Awaitable[tuple[Sequence[_T], str]]]
"""Takes the size and the token of a page. Returns its items, and the token of the next one; empty after the last."""

PAGE_SIZE: Final = 1000


async def list_pages(
    fetch: Fetch[_T], *, first_size: int = PAGE_SIZE, token: str = ""
) -> AsyncGenerator[tuple[Sequence[_T], str]]:
    """Yield the items of each page, and the token of the next one.

    Each page is twice as large as the one before: if few items are of use, a small first page must not cost a call for
    each one that is not.
    """
    size = first_size
    while True:
        items, token = await fetch(size, token)
        yield items, token
        if not token:
            return
        size = min(2 * size, PAGE_SIZE)
