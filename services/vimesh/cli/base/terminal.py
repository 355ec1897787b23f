"""Makes text safe to print on a terminal."""

from __future__ import annotations

import codecs
import os
import re
from typing import TextIO

_OBEYED = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters from DEL on that control a terminal, change the writing direction, or cannot be displayed."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_DELETE = "\x7f"
_NOT_FORCED = frozenset({"0", "false"})
_MESSAGE = 1000
"""Maximum length of a message, in characters."""


def coloured(stream: TextIO) -> bool:
    """Return whether to use colours: NO_COLOR and FORCE_COLOR decide, otherwise whether the stream is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if forced := os.environ.get("FORCE_COLOR"):
        return forced not in _NOT_FORCED
    return stream.isatty()


def speaks_unicode(stream: TextIO) -> bool:
    """Return whether every character can be written to a stream."""
    # A stream in memory has no encoding, and takes everything.
    return not stream.encoding or codecs.lookup(stream.encoding).name.startswith("utf-")


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - most texts need no table of characters

    return cell_len(text)


def clipped(text: str) -> str:
    """Cut a message that is too long: it may quote a megabyte of text."""
    return text if len(text) <= _MESSAGE else f"{text[:_MESSAGE]}..."


def obeyed(text: str) -> bool:
    """Return whether a terminal would obey some character from DEL on instead of showing it."""
    return not (text.isascii() and _DELETE not in text) and _OBEYED.search(text) is not None


def escaped_json(text: str) -> str:
    """Escape what a terminal would obey in JSON text. JSON itself escapes only the first 32 characters."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) if obeyed(text) else text


def printable(text: str) -> str:
    """Replace control characters: names and reasons are untrusted text."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
