"""Implements the store of receivers on a SQL database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.notifications.notifications import StoredNotification
from vimesh.domain.notifications.receiver_store import ChangeSettings, NotificationQuery
from vimesh.domain.notifications.receivers import Receiver, ReceiverSettings
from vimesh.domain.retention import in_batches
from vimesh.store.notifications import change_receivers, forget_notifications, notification_records, read_receivers
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.transactions.database import Database
from vimesh.store.transactions.rehearsals import rehearse


class SqlReceiverStore:
    """Implements ReceiverStore. Any number of processes may use the same database."""

    def __init__(self, database: Database, cipher: Cipher, note_removal: Callable[[], None]) -> None:
        """`note_removal` is called after each call that may have removed secrets."""
        self._database = database
        self._cipher = cipher
        self._note_removal = note_removal

    async def create(
        self,
        settings: ReceiverSettings,
        caller: Caller = OPEN_CALLER,
        *,
        request_id: str = "",
        validate_only: bool = False,
    ) -> Receiver:
        if validate_only:
            receiver = await rehearse(
                self._database, lambda c: change_receivers.create(c, settings, request_id, self._cipher, caller)
            )
            return replace(receiver, id="")
        return await self._database.write(
            lambda c: change_receivers.create(c, settings, request_id, self._cipher, caller)
        )

    async def modify(
        self, receiver_id: str, change: ChangeSettings, caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> Receiver:
        if validate_only:
            return await rehearse(
                self._database, lambda c: change_receivers.modify(c, receiver_id, change, self._cipher, caller)
            )
        try:
            return await self._database.write(
                lambda c: change_receivers.modify(c, receiver_id, change, self._cipher, caller)
            )
        finally:
            self._note_removal()

    async def delete(self, receiver_id: str, caller: Caller = OPEN_CALLER) -> str:
        try:
            project_id = await self._database.write(lambda c: change_receivers.retire(c, receiver_id, caller))
            # If this is interrupted, the receiver is still there, disabled, and can be deleted again.
            await in_batches(
                lambda limit: self._database.write(lambda c: change_receivers.remove_notices(c, receiver_id, limit))
            )
            await self._database.write(lambda c: change_receivers.remove(c, receiver_id))
        finally:
            self._note_removal()
        return project_id

    async def get(self, receiver_id: str, caller: Caller = OPEN_CALLER) -> Receiver:
        return await self._database.read(lambda c: read_receivers.get(c, receiver_id, caller))

    async def list_receivers(
        self, page_size: int, page_token: str, caller: Caller = OPEN_CALLER
    ) -> tuple[Sequence[Receiver], str]:
        return await self._database.browse(lambda c: read_receivers.page(c, page_size, page_token, caller))

    async def queue_test(self, receiver_id: str, caller: Caller = OPEN_CALLER) -> tuple[StoredNotification, str]:
        return await self._database.write(lambda c: notification_records.queue_test(c, receiver_id, caller))

    async def list_notifications(
        self, query: NotificationQuery, caller: Caller = OPEN_CALLER
    ) -> tuple[Sequence[StoredNotification], str]:
        return await self._database.browse(lambda c: notification_records.page(c, query, caller))

    async def get_notification(self, notification_id: str, caller: Caller = OPEN_CALLER) -> StoredNotification:
        return await self._database.browse(lambda c: notification_records.get(c, notification_id, caller))

    async def resend(
        self, receiver_id: str, notification_ids: Sequence[str], caller: Caller = OPEN_CALLER
    ) -> tuple[int, str]:
        return await self._database.write(
            lambda c: notification_records.resend(c, receiver_id, notification_ids, caller)
        )

    async def delete_notifications(
        self, receiver_id: str, notification_ids: Sequence[str], caller: Caller = OPEN_CALLER
    ) -> tuple[int, str]:
        return await self._database.write(
            lambda c: notification_records.remove(c, receiver_id, notification_ids, caller)
        )

    async def forget(self, limit: int) -> int:
        if not await self._database.browse(forget_notifications.has_old):
            return 0
        return await self._database.write(lambda c: forget_notifications.forget(c, limit))
