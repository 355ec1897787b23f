"""Defines, as a protocol, what those who deliver notifications require of the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import Notification, QueuedOutcome, StoredNotification
from vimesh.domain.notifications.receivers import AcquiredReceivers, ReceiverClaim, UnfinishedDelivery


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim under which a notifier asks or records."""

    receiver_id: str
    notifier_id: str
    number: int


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What a notifier has, what it gives back, and whether it wants more."""

    notifier_id: str
    claims: Sequence[ReceiverClaim] = ()
    release_ids: Collection[str] = ()
    """Receivers whose claims end now; claims that are not in `claims` stay."""
    renew_only: bool = False


@dataclass(frozen=True, slots=True)
class DeadNotification:
    """A notification that was given up."""

    notification: Notification
    attempts: int
    error: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a receiver was told, and what became of notifications."""

    revision: int = 0
    """The new `Receiver.revision`; one that is not above the recorded one changes nothing."""
    notices: Sequence[Notice] = ()
    dead: DeadNotification | None = None
    outcomes: Sequence[QueuedOutcome] = ()
    delivered: bool = False
    """Whether a notification was delivered."""
    error: str = ""
    """How delivery failed, if it did."""
    gone_reason: str = ""
    """Why the receiver wants nothing more: it is disabled then."""
    pending_since: dt.datetime | None = None
    unfinished: UnfinishedDelivery | None = None


class DeliveryStore(Protocol):
    """Gives each receiver to one notifier at a time, and records what that one has delivered.

    All methods raise StoreUnavailable and Overloaded; those with a claim raise ClaimLost, and then change nothing, if
    the receiver was claimed anew since, or is gone.
    """

    async def acquire(self, request: ClaimRequest) -> AcquiredReceivers:
        """Renew the claims that are presented and lasted until now, and claim receivers that nobody has.

        A notifier claims no more than its share: what it has if they are divided evenly among those that asked lately.
        All claims last for CLAIM_S from the transaction on, by the database's clock.
        """

    async def notices(self, claim: Claim, page_size: int, page_token: str) -> tuple[Sequence[Notice], str]:
        """Return notices in the order of the ids of VIMs, and the token of the next page. Raises PageTokenInvalid."""

    async def queued(self, claim: Claim) -> Sequence[StoredNotification]:
        """Return queued notifications, the oldest first: at least one, if there is any, and not too many bytes."""

    async def record(self, claim: Claim, delivery: Delivery) -> None:
        """Record a delivery in one transaction."""
