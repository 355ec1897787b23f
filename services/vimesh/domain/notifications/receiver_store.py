"""Defines, as a protocol, what the services require of the store of receivers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.notifications.notifications import NotificationState, StoredNotification
from vimesh.domain.notifications.receivers import Receiver, ReceiverSettings

ChangeSettings = Callable[[ReceiverSettings], ReceiverSettings]
"""Returns the settings as they are to be, given those that are stored, with secrets. Raises BadInput, FilterInvalid."""


@dataclass(frozen=True, slots=True)
class NotificationQuery:
    """Which notifications of a receiver to list."""

    receiver_id: str
    states: Collection[NotificationState]
    """Empty: all."""
    page_size: int
    page_token: str


class ReceiverStore(Protocol):
    """Stores receivers, and notifications that are not simply sent.

    A receiver of a project that the caller does not see does not exist for that caller; one of all projects exists for
    callers of all projects. All methods raise StoreUnavailable and Overloaded. What is returned has no secrets.
    """

    async def create(
        self,
        settings: ReceiverSettings,
        caller: Caller = OPEN_CALLER,
        *,
        request_id: str = "",
        validate_only: bool = False,
    ) -> Receiver:
        """Store a receiver, or only say what would be stored.

        Raises BadInput, FilterInvalid, ReceiverNameTaken, RequestIdReused, TooManyReceivers.
        """

    async def get(self, receiver_id: str, caller: Caller = OPEN_CALLER) -> Receiver:
        """Return a receiver. Raises ReceiverNotFound."""

    async def list_receivers(
        self, page_size: int, page_token: str, caller: Caller = OPEN_CALLER
    ) -> tuple[Sequence[Receiver], str]:
        """Return receivers by project and name, and the token of the next page. Raises PageTokenInvalid."""

    async def modify(
        self, receiver_id: str, change: ChangeSettings, caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> Receiver:
        """Change the settings of a receiver. Raises ReceiverNotFound, ReceiverNameTaken, and what `change` raises."""

    async def delete(self, receiver_id: str, caller: Caller = OPEN_CALLER) -> str:
        """Remove a receiver; return its project. Raises ReceiverNotFound."""

    async def queue_test(self, receiver_id: str, caller: Caller = OPEN_CALLER) -> tuple[StoredNotification, str]:
        """Queue a test, unless one is queued already; return it, and the project of the receiver.

        Raises ReceiverNotFound, ReceiverDisabled.
        """

    async def list_notifications(
        self, query: NotificationQuery, caller: Caller = OPEN_CALLER
    ) -> tuple[Sequence[StoredNotification], str]:
        """Return notifications without changes, the newest first, and the token of the next page.

        Raises ReceiverNotFound, PageTokenInvalid.
        """

    async def get_notification(self, notification_id: str, caller: Caller = OPEN_CALLER) -> StoredNotification:
        """Return a notification with all its changes. Raises NotificationNotFound."""

    async def resend(
        self, receiver_id: str, notification_ids: Sequence[str], caller: Caller = OPEN_CALLER
    ) -> tuple[int, str]:
        """Queue these of its dead notifications, or all; return how many, and the project of the receiver.

        Raises ReceiverNotFound, ReceiverDisabled.
        """

    async def delete_notifications(
        self, receiver_id: str, notification_ids: Sequence[str], caller: Caller = OPEN_CALLER
    ) -> tuple[int, str]:
        """Remove these of its notifications, or all that are dead; return how many, and the project of the receiver.

        Raises ReceiverNotFound.
        """

    async def forget(self, limit: int) -> int:
        """Remove up to about `limit` old notifications, and what removed receivers have left; return how many."""
