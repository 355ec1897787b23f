"""Remembers which changes a receiver has taken, so that the next try sends it the others only."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID, uuid5

from vimesh.domain.notifications.notifications import MAX_CHANGES, Notification, NotificationKind
from vimesh.notifier.senders.sender import SendDelayed, SendRefused, TimeLimitExceeded, time_limit

MAX_REMEMBERED: Final = 2 * MAX_CHANGES
"""Of what notifications that were given up left behind, the oldest is forgotten."""


def keys_of(notification: Notification) -> tuple[str, ...]:
    """Return what names the changes of a notification; of a test, which has none, its id."""
    return tuple(change.key for change in notification.changes) or (notification.id,)


def document_id(notification: Notification, keys: Iterable[str]) -> str:
    """Return the id of what tells some changes of a notification: a repeat has the same."""
    # VIMs that are left out of a repeat may change the id of the notification. Reminders tell the same again.
    base = notification.id if notification.kind is NotificationKind.REMINDER else notification.receiver_id
    return str(uuid5(UUID(base), "\n".join(keys)))


class DeliveryProgress:
    """What was taken stays remembered until its notification is delivered whole, even while others are sent."""

    def __init__(self) -> None:
        self._accepted: dict[str, None] = {}
        self._refused: dict[str, SendRefused] = {}

    def accept(self, keys: Iterable[str]) -> None:
        self._accepted |= dict.fromkeys(keys)
        while len(self._accepted) > MAX_REMEMBERED:
            del self._accepted[next(iter(self._accepted))]

    def refuse(self, keys: Iterable[str], error: SendRefused) -> None:
        """Take in that the receiver never takes these changes: what follows must not wait for them."""
        self._refused |= dict.fromkeys(keys, error)

    def is_open(self, key: str) -> bool:
        """Return whether a change has still to be sent."""
        return key not in self._accepted and key not in self._refused

    @asynccontextmanager
    async def attempt(self, kind: NotificationKind, keys: Sequence[str], limit_s: float) -> AsyncGenerator[None]:
        """Limit the time of a try to send changes, and judge how it ends.

        Raises SendDelayed, by 0 s if the try came further and the receiver asks for no pause, and SendRefused if all is
        done, but something was refused: sent again, only that is tried.
        """
        own = frozenset(keys)
        self._refused = {key: error for key, error in self._refused.items() if key in own}
        open_before = sum(map(self.is_open, keys))
        try:
            async with time_limit(limit_s):
                yield
        except SendDelayed as error:
            open_now = sum(map(self.is_open, keys))
            if open_now == open_before:
                raise
            refused = sum(key in self._refused for key in keys)
            taken = f"the receiver has taken {len(keys) - open_now - refused} of {len(keys)} changes"
            taken += f" and refused {refused}" if refused else ""
            why = "" if isinstance(error, TimeLimitExceeded) else f", then: {error}"
            raise SendDelayed(f"{taken}; the rest follows{why}", error.retry_after_s or 0.0) from error
        self._finish(kind, keys)

    def _finish(self, kind: NotificationKind, keys: Sequence[str]) -> None:
        refused = [self._refused.pop(key) for key in keys if key in self._refused]
        if not refused or kind is NotificationKind.REMINDER:  # which nobody sends again
            for key in keys:
                self._accepted.pop(key, None)
        if len(refused) == len(keys) and len(set(refused)) == 1:
            raise refused[0]
        if refused:
            raise SendRefused(
                f"the receiver has refused {len(refused)} of {len(keys)} changes, one of them so: {refused[0]}"
            )
