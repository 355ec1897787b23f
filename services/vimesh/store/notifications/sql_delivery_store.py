"""Implements what notifiers ask for on a SQL database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from vimesh.domain.notifications.delivery_store import Claim, ClaimRequest, DeadNotification, Delivery
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import NotificationState, StoredNotification
from vimesh.domain.notifications.receivers import AcquiredReceivers
from vimesh.store.notifications import claim_receivers, notice_rows, notification_records, record_delivery
from vimesh.store.notifications.notification_rows import new_row
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.transactions.database import Database


class SqlDeliveryStore:
    """Implements DeliveryStore. Any number of processes may use the same database."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    async def acquire(self, request: ClaimRequest) -> AcquiredReceivers:
        # A fleet without receivers does not make its writers wait for nothing.
        if not await self._database.read(claim_receivers.has_receivers):
            return AcquiredReceivers()
        return await self._database.write(lambda c: claim_receivers.acquire(c, self._cipher, request))

    async def notices(self, claim: Claim, page_size: int, page_token: str) -> tuple[Sequence[Notice], str]:
        return await self._database.browse(lambda c: notice_rows.page(c, claim, page_size, page_token))

    async def queued(self, claim: Claim) -> Sequence[StoredNotification]:
        return await self._database.browse(lambda c: notification_records.queued(c, claim))

    async def record(self, claim: Claim, delivery: Delivery) -> None:
        # In a thread, before the transaction: other writers should not wait until thousands of changes are compressed.
        dead_row = None if delivery.dead is None else await asyncio.to_thread(_row_of, delivery.dead)
        await self._database.write(lambda c: record_delivery.record(c, claim, delivery, dead_row))


def _row_of(dead: DeadNotification) -> Mapping[str, Any]:
    return new_row(dead.notification, NotificationState.DEAD, now=0, attempts=dead.attempts, error=dead.error)
