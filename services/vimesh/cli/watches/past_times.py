"""Reads times in the past: as such, or by how long ago they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from vimesh.cli.base.durations import seconds
from vimesh.domain.settings import BadFlag


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def past_time(flag: str, text: str, now: Callable[[], dt.datetime] = _now) -> dt.datetime:
    """Read a time such as `2026-10-31T12:00:00Z`, which is of UTC unless it says otherwise, or `2h`. Raises BadFlag."""
    try:
        return now() - dt.timedelta(seconds=seconds(text))
    except OverflowError:
        raise BadFlag(flag, "is too long ago") from None
    except ValueError:
        pass
    try:
        time = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadFlag(flag, f"must be a time such as 2026-10-31T12:00:00Z or 2h, not {text[:50]!r}") from None
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)
