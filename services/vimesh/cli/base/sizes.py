"""Reads sizes such as 65536, 512KiB, 64MiB, 1GiB."""

from __future__ import annotations

import re

_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
_SIZE = re.compile(r"(\d{1,18}) ?(KiB|MiB|GiB|TiB|)", re.ASCII)


def bytes_of(text: str) -> int:
    """Read a size; a bare number means bytes. Raises ValueError that states the expected form."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"must be a size such as 512MiB or 1GiB, not {text[:50]!r}")
    return int(match[1]) * _UNITS[match[2]]
