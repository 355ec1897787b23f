"""Defines what a sender promises, and the ways in which a try to send can fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from vimesh.domain.notifications.notifications import Notification
from vimesh.notifier.senders.target_guard import TargetGuard

SEND_LIMIT_S: Final = 15.0
"""How long a single try takes at most: callers may rely on it."""
OWN_LIMIT_S: Final = 14.0
"""When a sender ends a try itself: it says more about it than its caller could."""


class SendError(Exception):
    """A notification was not delivered. The text says why and what to do next; it contains no secret."""


class SendDelayed(SendError):
    """It may be delivered later: the network or the peer failed, or asked to wait."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        """`retry_after_s`: when the peer wants to be asked again; 0: at once, the try made progress."""
        super().__init__(text)
        self.retry_after_s = retry_after_s


class TimeLimitExceeded(SendDelayed):
    """A try took too long."""


class SendRefused(SendError):
    """It will never be delivered as it is: the peer refuses it, or the rules of targets do."""


class DocumentRefused(SendRefused):
    """The peer refuses what one request contains: it may well take another."""


class DocumentTooLarge(DocumentRefused):
    """The peer may take fewer changes in one request."""


class ReceiverGone(SendError):
    """The receiver wants nothing more, ever (410)."""


class Sender(Protocol):
    async def send(self, notification: Notification) -> None:
        """Return once the receiver has taken it. Raises SendDelayed, SendRefused or ReceiverGone.

        One call at a time. A repeat of a notification that was taken in part goes on where the last try stopped.
        """

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """What senders of every kind are given, beside their target."""

    guard: TargetGuard
    repeat_interval_s: float
    """How often a problem that lasts is told again; 0: never."""
    limit_s: float = OWN_LIMIT_S
    project_id: str = ""
    """Of the receiver."""


@asynccontextmanager
async def time_limit(limit_s: float) -> AsyncGenerator[None]:
    """Raise TimeLimitExceeded if the block takes longer."""
    try:
        async with asyncio.timeout(limit_s) as timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise
        raise TimeLimitExceeded(
            f"the receiver has not taken the notification within {limit_s:g} s; check whether it is overloaded, "
            "and the network between it and the notifier"
        ) from None
