"""Defines what a notifier knows of a receiver that it has claimed, and for how long it surely has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vimesh.domain.notifications.delivery_store import Claim
from vimesh.domain.notifications.receivers import ClaimedReceiver, Receiver, ReceiverClaim


class ReceiverLease:
    """A claim, as its notifier renews it. Times are monotonic seconds."""

    def __init__(
        self, claimed: ClaimedReceiver, receiver: Receiver, notifier_id: str, until: float, clock: Callable[[], float]
    ) -> None:
        """`until`: when the claim ends at the earliest."""
        self.receiver = receiver
        self.claim = Claim(receiver.id, notifier_id, claimed.claim)
        self.version = claimed.version
        self.revision = claimed.revision
        """Receiver.revision when it was claimed."""
        self.unfinished = claimed.unfinished
        """What the notifier before has tried in vain, when it was claimed."""
        self.queued_count = claimed.queued_count
        """Notifications that people have queued."""
        self.is_outdated = False
        """Whether people have changed the receiver since."""
        self.news = asyncio.Event()
        """Set whenever something of the above has changed."""
        self._until = until
        self._clock = clock

    @property
    def remaining_s(self) -> float:
        """For how long it surely lasts; negative if it may have ended."""
        return self._until - self._clock()

    @property
    def for_renewal(self) -> ReceiverClaim:
        return ReceiverClaim(self.receiver.id, self.claim.number, self.version)

    def renew(self, claimed: ClaimedReceiver, until: float) -> None:
        self._until = until
        self.queued_count = claimed.queued_count
        self.is_outdated = self.is_outdated or claimed.version != self.version
        if self.queued_count or self.is_outdated:
            self.news.set()
