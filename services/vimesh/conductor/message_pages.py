"""Cuts answers into pages that fit the default message limit of clients, however large the VIMs are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import accumulate
from typing import TypeVar

from google.protobuf.message import Message

from vimesh.domain.queries import MAX_PAGE_BYTES

_M = TypeVar("_M", bound=Message)


def split_pages(messages: Sequence[_M]) -> Iterator[Sequence[_M]]:
    """Cut the messages into pages that fit; no page is empty."""
    while messages:
        fits = _count_fitting(messages)
        yield messages[:fits]
        messages = messages[fits:]


async def read_fitting(
    read: Callable[[int], Awaitable[tuple[Sequence[_M], str]]], size: int
) -> tuple[Sequence[_M], str]:
    """Read a page of up to `size` messages, and the next page token; the page is shorter if `size` do not fit."""
    while True:
        messages, token = await read(size)
        fits = _count_fitting(messages)
        if fits == len(messages):
            return messages, token
        # The token continues after the last message read, so read again only as many as fit.
        size = fits


def _count_fitting(messages: Sequence[Message]) -> int:
    """Return how many of the first messages fit into a page: at least one, if there is any."""
    sizes = accumulate(message.ByteSize() for message in messages)
    return max(min(len(messages), 1), sum(size <= MAX_PAGE_BYTES for size in sizes))
