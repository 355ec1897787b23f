"""Makes text safe to print on a terminal."""

from __future__ import annotations

import os
import re
from typing import TextIO

_OBEYED = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters from DEL on that control a terminal, change the writing direction, or cannot be displayed."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_MESSAGE = 1000
"""Maximum length of a message, in characters."""


def coloured(stream: TextIO) -> bool:
    """Return whether to use colours: NO_COLOR and FORCE_COLOR decide, otherwise whether the stream is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def clipped(text: str) -> str:
    """Cut a message that is too long: it may quote a megabyte of text."""
    return text if len(text) <= _MESSAGE else f"{text[:_MESSAGE]}..."


def obeyed(text: str) -> bool:
    """Return whether a terminal would obey some character from DEL on instead of showing it."""
    return _OBEYED.search(text) is not None


def escaped_json(text: str) -> str:
    """Escape what a terminal would obey in JSON text. JSON itself escapes only the first 32 characters."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def printable(text: str) -> str:
    """Replace control characters: names and reasons are untrusted text."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
