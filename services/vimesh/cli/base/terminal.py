"""What a terminal can show."""

from __future__ import annotations

import os
import re
from typing import TextIO

_OBEYED = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves the cursor, turns the direction of writing, or cannot be shown at all; without ASCII."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_MESSAGE = 1000
"""Characters."""


def coloured(stream: TextIO) -> bool:
    """Whether colours are wanted there: NO_COLOR and FORCE_COLOR decide, else whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def clipped(text: str) -> str:
    """Cut what is too long for a message: what it quotes may be a megabyte."""
    return text if len(text) <= _MESSAGE else f"{text[:_MESSAGE]}..."


def obeyed(text: str) -> bool:
    """Whether something beside ASCII in it would be obeyed by a terminal, and not shown."""
    return _OBEYED.search(text) is not None


def escaped_json(text: str) -> str:
    """Escape in JSON what a terminal would obey. JSON itself leaves all of it but the first 32 characters as it is."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def printable(text: str) -> str:
    """Replace what moves the cursor or rings the bell: names and reasons were written by others."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
