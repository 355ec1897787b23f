"""Says whether a watch hears of its fleet: what was heard is shown as of then, and not as if it held now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from vimesh.cli.base.durations import brief

_QUIET_S: Final = 12.0
"""A conductor sends a message at least every 5 s, so after this long something is wrong."""


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Contact:
    """The contact with a fleet, by the local clock. It begins with the first message."""

    def __init__(self, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._clock = clock
        self._heard_at: dt.datetime | None = None
        self._why = ""

    @property
    def is_lost(self) -> bool:
        """Whether what was heard may hold no more."""
        return bool(self._why) or self._silence_s() > _QUIET_S

    @property
    def heard_at(self) -> dt.datetime | None:
        """When the newest message came; None before the first."""
        return self._heard_at

    def hear(self) -> None:
        """Take note of a message."""
        self._heard_at, self._why = self._clock(), ""

    def lose(self, why: str) -> None:
        """Take note that the connection broke, or that a new one failed. The newest reason counts."""
        self._why = why

    def loss(self) -> str:
        """Return since when there is no contact, and why."""
        if self._heard_at is None:
            return f"no contact with the fleet yet: {self._why}"
        why = self._why or "it sends nothing"
        return (
            f"no contact with the fleet since {_to_the_second(self._heard_at)}, {brief(self._silence_s())} ago: {why}"
        )

    def recovery(self) -> str:
        """Return what to say when there is contact again; call it before `hear`."""
        return f"contact with the fleet again, after {brief(self._silence_s())} without"

    def _silence_s(self) -> float:
        return 0.0 if self._heard_at is None else (self._clock() - self._heard_at).total_seconds()


def _to_the_second(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
