"""Cuts long work of the loop into slices, so that other calls run in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

_LONGEST_S: Final = 0.001
"""A call passes through the loop some ten times before it is answered, and waits for a slice each time."""

A = TypeVar("A")
B = TypeVar("B")


async def in_slices(convert: Callable[[A], B], values: Iterable[A]) -> list[B]:
    """Convert values one after the other, and yield to the loop about every millisecond."""
    converted = []
    until = time.monotonic() + _LONGEST_S
    for value in values:
        converted.append(convert(value))
        if time.monotonic() >= until:
            await asyncio.sleep(0)
            until = time.monotonic() + _LONGEST_S
    return converted
