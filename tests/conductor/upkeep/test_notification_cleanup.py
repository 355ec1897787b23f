"""A conductor removes old notifications by itself."""

from __future__ import annotations

from pathlib import Path

from tests.support.sql.receivers import claim_one, pass_time, settings
from tests.support.sql.stores import sqlite_url, store_at
from tests.support.timing.waiting import eventually
from vimesh.conductor.upkeep.notification_cleanup import NotificationCleanup
from vimesh.domain.notifications.delivery_store import Delivery
from vimesh.domain.notifications.notifications import QueuedOutcome
from vimesh.domain.notifications.receiver_store import NotificationQuery
from vimesh.runtime.background import beside

WITHIN_S = 30


async def test_what_was_delivered_long_ago_goes(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        created = await store.receivers.create(settings())
        old, _ = await store.receivers.queue_test(created.id)
        outcomes = [QueuedOutcome(old.notification.id, delivered=True, attempts=1)]
        await store.deliveries.record(await claim_one(store), Delivery(outcomes=outcomes))
        await pass_time(store, 4000)
        queued, _ = await store.receivers.queue_test(created.id)

        async def is_clean() -> bool:
            page, _ = await store.receivers.list_notifications(NotificationQuery(created.id, [], 10, ""))
            return [one.notification.id for one in page] == [queued.notification.id]

        assert not await is_clean()
        async with beside(NotificationCleanup(store.receivers, period_s=0.01).run()):
            await eventually(is_clean, WITHIN_S)
