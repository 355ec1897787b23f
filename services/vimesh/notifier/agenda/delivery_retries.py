"""Decides when a notification is tried again, and when it is given up."""

from __future__ import annotations

from random import Random
from typing import Final

from vimesh.runtime.backoff import Backoff

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 300.0
LONGEST_RETRY_AFTER_S: Final = 3600.0
"""A receiver that asks for more patience than this is tried anyway."""


class Retries:
    """The attempts to deliver one notification after another."""

    def __init__(self, give_up_after_s: float, random: Random) -> None:
        self._give_up_after_s = give_up_after_s
        # Full jitter: notifiers that a receiver refused together do not come back together.
        self._backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, random=random, least_part=0.0)
        self.first_attempt_at: float | None = None
        """When the present notification was tried first, by whichever notifier."""
        self.attempts = 0
        """Attempts to deliver the present notification."""
        self.next_at = 0.0
        """Nothing is sent before this."""

    def resume(self, first_attempt_at: float, attempts: int) -> None:
        """Go on with a notification that another notifier has tried."""
        self.first_attempt_at, self.attempts = first_attempt_at, attempts

    def note_attempt(self, now: float) -> None:
        self.attempts += 1
        if self.first_attempt_at is None:
            self.first_attempt_at = now

    def note_delay(self, now: float, retry_after_s: float | None) -> bool:
        """Take in that an attempt failed; return whether there is another one. `retry_after_s` is 0 for at once."""
        first_at = now if self.first_attempt_at is None else self.first_attempt_at
        if now - first_at >= self._give_up_after_s:
            return False
        if retry_after_s == 0:  # the receiver has taken a part, and goes on with the rest
            self.next_at = now
            return True
        wanted_s = min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S)
        # The last attempt is at the end of the time, however long the pause would be.
        self.next_at = min(now + max(self._backoff.pause_s(), wanted_s), first_at + self._give_up_after_s)
        return True

    def finish(self) -> None:
        """Take in that the notification is done with, in whatever way."""
        self.attempts, self.next_at, self.first_attempt_at = 0, 0.0, None
        self._backoff.reset()

    def drop(self) -> None:
        """Take in that the notification is not tried again, but the next one only after the pause."""
        self.attempts, self.first_attempt_at = 0, None
