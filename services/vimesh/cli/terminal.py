"""What a terminal can show."""

from __future__ import annotations

import os
import re
from typing import TextIO

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def coloured(stream: TextIO) -> bool:
    """Whether colours are wanted there: NO_COLOR and FORCE_COLOR decide, else whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def printable(text: str) -> str:
    """Replace what moves the cursor or rings the bell: names and reasons were written by others."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
