"""Answers that fit into what a client takes by default, however large the VIMs are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import accumulate
from typing import TypeVar

from google.protobuf.message import Message

from vimesh.domain.queries import MAX_PAGE_BYTES

_M = TypeVar("_M", bound=Message)


def cut(messages: Sequence[_M]) -> Iterator[Sequence[_M]]:
    """Cut into pages, none of them empty."""
    while messages:
        fits = _fitting(messages)
        yield messages[:fits]
        messages = messages[fits:]


async def bounded(read: Callable[[int], Awaitable[tuple[Sequence[_M], str]]], size: int) -> tuple[Sequence[_M], str]:
    """Read a page, and the token after it: a shorter page if the one that was asked for does not fit."""
    while True:
        messages, token = await read(size)
        fits = _fitting(messages)
        if fits == len(messages):
            return messages, token
        # The token goes on after the last one that was read. So only those are read that fit.
        size = fits


def _fitting(messages: Sequence[Message]) -> int:
    """Say how many of the first messages make a page."""
    sizes = accumulate(message.ByteSize() for message in messages)
    return max(min(len(messages), 1), sum(size <= MAX_PAGE_BYTES for size in sizes))
