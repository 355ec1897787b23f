"""Decides when a VIM that has held the shared loop is set aside and tried again. Pure: time is passed in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

HOLDS_UNTIL_ASIDE = 2
MEMORY_S = 24 * 3600.0
"""Older holds no longer count."""
FIRST_PAUSE_S = 3600.0
LONGEST_PAUSE_S = 24 * 3600.0
CLEAN_RETRIES = 3
"""After this many consecutive retries without a hold, the VIM is probed as before."""
_MAX_HOLDS = 8


@dataclass(frozen=True, slots=True)
class Hold:
    """One occasion on which the loop was held."""

    at: float
    """Wall-clock time, which stays valid after a restart; so are all times here."""
    held_s: float | None
    """Seconds; None: until the process ended."""

    def __str__(self) -> str:
        return "until the monitor ended" if self.held_s is None else f"for {self.held_s:.1f} s"


@dataclass(frozen=True, slots=True)
class VimConduct:
    holds: tuple[Hold, ...] = ()
    retry_at: float | None = None
    """When the VIM is tried next; None: it is not set aside."""
    pause_s: float = FIRST_PAUSE_S
    clean_retries: int = 0
    """Consecutive ones."""

    @property
    def aside(self) -> bool:
        return self.retry_at is not None

    def after_hold(self, hold: Hold) -> VimConduct:
        """Return the conduct after one more hold."""
        recent = tuple(other for other in self.holds if abs(hold.at - other.at) < MEMORY_S)
        holds = (*recent, hold)[-_MAX_HOLDS:]
        if self.aside:
            pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
            return VimConduct(holds, hold.at + pause_s, pause_s)
        return VimConduct(holds, hold.at + FIRST_PAUSE_S if len(holds) >= HOLDS_UNTIL_ASIDE else None)

    def during_retry(self, now: float) -> VimConduct:
        """Return the conduct during a retry: if that ends the process, the VIM has to wait again."""
        return replace(self, retry_at=now + self.pause_s)

    def after_clean_retry(self, now: float) -> VimConduct:
        """Return the conduct after a retry in which the loop was not held."""
        clean_retries = self.clean_retries + 1
        if clean_retries >= CLEAN_RETRIES:
            return VimConduct(self.holds)
        return VimConduct(self.holds, now + FIRST_PAUSE_S, FIRST_PAUSE_S, clean_retries)

    def retry_in_s(self, now: float) -> float:
        """Return how many seconds the VIM has to wait: at most its pause, even if the clock was set back."""
        return 0.0 if self.retry_at is None else min(max(0.0, self.retry_at - now), self.pause_s)

    def is_outdated(self, now: float) -> bool:
        """Return whether everything in this record is too old to count."""
        times = (*(hold.at for hold in self.holds), self.retry_at or 0.0)
        return now - max(times) >= MEMORY_S

    def __str__(self) -> str:
        """Return why the VIM is set aside, and when it is tried again."""
        *others, last = map(str, self.holds or (Hold(0, None),))
        held = f"{', '.join(others)} and {last}" if others else last
        at = datetime.fromtimestamp(self.retry_at or 0, UTC)
        return f"its answers held the monitor {held}; it is tried again at {at:%Y-%m-%dT%H:%M:%SZ}"
