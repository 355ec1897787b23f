"""Cuts an input into pieces: its first byte decides how, so that a failed input is cut in the same way again."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

_MOST_CUTS = 32
_SINGLE_BYTES = 128
"""How far an input is cut byte by byte; the rest of it is one piece."""


def pieces_of(data: bytes) -> Iterator[bytes]:
    """Yield what follows the first byte. No piece is empty: that would mean the end."""
    if len(data) < 2:
        return
    how, content = data[0], data[1:]
    if how < 64:
        yield content
    elif how < 128:
        yield from (content[place : place + 1] for place in range(min(_SINGLE_BYTES, len(content))))
        if rest := content[_SINGLE_BYTES:]:
            yield rest
    else:
        yield from _cut(content, Random(how))


def _cut(content: bytes, random: Random) -> Iterator[bytes]:
    cuts = sorted({random.randint(1, len(content)) for _ in range(random.randint(1, _MOST_CUTS))} | {len(content)})
    start = 0
    for end in cuts:
        yield content[start:end]
        start = end
