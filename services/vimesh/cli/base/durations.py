"""Reads and writes durations such as 500ms, 10s, 2m, 1h, 30d."""

from __future__ import annotations

import re

from vimesh.domain.settings import BadFlag

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)", re.ASCII)

_LONGEST_S = 315_576_000_000
"""Upper limit of google.protobuf.Duration."""


def seconds(text: str) -> float:
    """Read a duration; a bare number means seconds. Raises ValueError that states the expected form."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"must be a duration such as 500ms, 10s or 2m, not {text[:50]!r}")
    if (duration_s := float(match[1]) * _UNITS_S[match[2]]) <= _LONGEST_S:
        return duration_s
    raise ValueError("is longer than 10,000 years")


def brief(duration_s: float) -> str:
    """Format an elapsed time in a few characters: 7s, 4m, 3h, 2d."""
    for size_s, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if duration_s >= size_s:
            return f"{int(duration_s // size_s)}{unit}"
    return f"{max(0, int(duration_s))}s"


def exact(duration_s: float) -> str:
    """Format a duration so that it can be typed again: 500ms, 10s."""
    return f"{duration_s * 1000:g}ms" if duration_s < 1 else f"{duration_s:g}s"


def limit_s(flag: str, text: str) -> float:
    """Read the duration that a flag has. Raises BadFlag."""
    try:
        return seconds(text)
    except ValueError as error:
        raise BadFlag(flag, str(error)) from error
