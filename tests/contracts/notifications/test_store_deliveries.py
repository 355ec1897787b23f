"""Nothing counts from a notifier that has lost its claim, and what was told is on record (G19)."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from dataclasses import replace

import pytest

from tests.support.sql.receivers import acquire, change, claim_one, notice, notification, pass_time, settings
from tests.support.sql.stores import LOCK_TIMEOUT_S, registration, store_at
from vimesh.domain.errors import PageTokenInvalid
from vimesh.domain.notifications.delivery_store import Claim, DeadNotification, Delivery
from vimesh.domain.notifications.notifications import NotificationState
from vimesh.domain.notifications.receiver_errors import ClaimLost
from vimesh.domain.notifications.receiver_store import NotificationQuery
from vimesh.domain.notifications.receivers import (
    CLAIM_S,
    UnfinishedDelivery,
)
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status, Vim

QUEUED, DELIVERED, DEAD = NotificationState
NOTIFIERS = 4
SLOW_S = 60.0
"""More than any of these tests takes."""


async def test_nothing_is_recorded_without_the_claim(store: VimStore, vim: Vim) -> None:
    """G19: the fence."""
    created = await store.receivers.create(settings())
    old = await claim_one(store, "n1")
    await pass_time(store, CLAIM_S)
    # The claim has ended, but nobody else has sent anything.
    await store.deliveries.record(old, Delivery(notices=[notice(vim.id)]))
    new = await claim_one(store, "n2")
    newest = (await store.span()).newest
    record = Delivery(
        revision=newest,
        notices=[notice()],
        dead=DeadNotification(notification(created.id, change(1)), 1, "x"),
        delivered=True,
        error="x",
        gone_reason="gone",
    )

    for lost in (old, replace(new, notifier_id="n1"), replace(new, number=3), replace(new, receiver_id=vim.id)):
        with pytest.raises(ClaimLost):
            await store.deliveries.record(lost, record)
        with pytest.raises(ClaimLost):
            await store.deliveries.notices(lost, 10, "")
        with pytest.raises(ClaimLost):
            await store.deliveries.queued(lost)

    shown = await store.receivers.get(created.id)
    assert shown == replace(created, notifier_id="n2")
    assert [one.vim_id for one in (await store.deliveries.notices(new, 10, ""))[0]] == [vim.id]


async def test_of_a_takeover_and_a_delivery_at_once_one_comes_first(store: VimStore, database_url: str) -> None:
    """G19: what was recorded is seen by who takes over, and what was not recorded is refused."""
    created = await store.receivers.create(settings())
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        for number in range(1, 6):
            claim = await claim_one(store, "n1")
            await pass_time(store, CLAIM_S)
            told = notice(str(uuid.UUID(int=number)))
            taking = asyncio.create_task(acquire(other, "n2"))
            [outcome] = await asyncio.gather(
                store.deliveries.record(claim, Delivery(notices=[told])), return_exceptions=True
            )
            [taken] = await taking
            seen, _ = await store.deliveries.notices(Claim(created.id, "n2", taken.claim), 100, "")
            assert (told in seen) is not isinstance(outcome, ClaimLost)
            await pass_time(store, CLAIM_S)


async def test_whoever_takes_over_learns_for_how_long_a_notification_was_tried(store: VimStore) -> None:
    await store.receivers.create(settings())
    claim = await claim_one(store, "n1")
    tried = UnfinishedDelivery(first_revision=3, last_revision=5, tried_for_s=100.0, attempts=7)
    await store.deliveries.record(claim, Delivery(unfinished=tried))
    # The claim ends after 6 s, and for an hour no notifier runs.
    await pass_time(store, 3600.0)

    [taken] = await acquire(store, "n2")

    assert taken.unfinished is not None
    assert replace(taken.unfinished, tried_for_s=100.0) == tried
    assert 100.0 <= taken.unfinished.tried_for_s < 100.0 + CLAIM_S + SLOW_S
    [again] = await acquire(store, "n2", taken)
    assert again.unfinished is not None
    assert taken.unfinished.tried_for_s <= again.unfinished.tried_for_s
    await acquire(store, "n2", again, release=True, renew_only=True)
    [handed_over] = await acquire(store, "n3")
    assert handed_over.unfinished is not None
    assert again.unfinished.tried_for_s <= handed_over.unfinished.tried_for_s < 100.0 + CLAIM_S + SLOW_S
    await store.deliveries.record(Claim(claim.receiver_id, "n3", handed_over.claim), Delivery(delivered=True))
    [afterwards] = await acquire(store, "n3", handed_over)
    assert afterwards.unfinished is None


async def test_a_delivery_is_on_record(store: VimStore) -> None:
    created = await store.receivers.create(settings())
    claim = await claim_one(store)
    since = dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC)
    await store.register(registration())
    newest = (await store.span()).newest

    await store.deliveries.record(claim, Delivery(revision=newest, error="refused: 503", pending_since=since))
    failed = await store.receivers.get(created.id)
    await store.deliveries.record(claim, Delivery(revision=newest - 1, delivered=True))
    delivered = await store.receivers.get(created.id)

    assert (failed.last_error, failed.pending_since, failed.last_delivery_time) == ("refused: 503", since, None)
    assert failed.last_error_time is not None
    assert (delivered.last_error, delivered.pending_since, delivered.revision) == ("refused: 503", None, newest)
    assert delivered.last_delivery_time is not None
    assert delivered.last_delivery_time >= failed.last_error_time


async def test_the_revision_stays_within_the_log(store: VimStore, vim: Vim) -> None:
    created = await store.receivers.create(settings())

    await store.deliveries.record(await claim_one(store), Delivery(revision=2**63 - 1))

    assert (await store.receivers.get(created.id)).revision == vim.revision


async def test_notices_are_stored_replaced_and_listed(store: VimStore) -> None:
    await store.receivers.create(settings())
    claim = await claim_one(store)
    first = [notice(str(uuid.UUID(int=number)), revision=number) for number in range(1, 6)]
    await store.deliveries.record(claim, Delivery(notices=first))
    changed = replace(first[2], status=None, since=None, told_time=None, muted=True, reason="ü", revision=9)

    await store.deliveries.record(claim, Delivery(notices=[first[2], changed]))

    page, token = await store.deliveries.notices(claim, 3, "")
    rest, end = await store.deliveries.notices(claim, 3, token)
    assert ([*page, *rest], end) == ([*first[:2], changed, *first[3:]], "")
    with pytest.raises(PageTokenInvalid):
        await store.deliveries.notices(claim, 3, "x")


async def test_a_notice_that_is_resolved_goes_once_the_receiver_is_past_it(store: VimStore) -> None:
    for number in range(3):
        await store.receivers.create(settings(f"r{number}"))
    claims = [Claim(one.receiver_id, "n1", one.claim) for one in await acquire(store, "n1")]
    problem = notice(str(uuid.UUID(int=1)), revision=1)
    past = notice(str(uuid.UUID(int=2)), revision=1, resolved=True, status=Status.REACHABLE)
    ahead = notice(str(uuid.UUID(int=3)), revision=2**62, resolved=True)
    for claim in claims:
        await store.deliveries.record(claim, Delivery(notices=[problem, past, ahead]))

    await store.deliveries.record(claims[0], Delivery(revision=1))

    for claim in claims:
        assert (await store.deliveries.notices(claim, 10, ""))[0] == [problem, ahead]


async def test_ten_thousand_notices_are_recorded_at_once(store: VimStore) -> None:
    await store.receivers.create(settings())
    claim = await claim_one(store)
    notices = [notice(str(uuid.UUID(int=number))) for number in range(10_000)]

    for _ in range(2):
        await store.deliveries.record(claim, Delivery(notices=notices))

    assert len((await store.deliveries.notices(claim, 20_000, ""))[0]) == 10_000


async def test_a_dead_notification_is_kept_whole(store: VimStore) -> None:
    created = await store.receivers.create(settings())
    claim = await claim_one(store)
    dead = notification(created.id, change(7, since=None, previous_status=None), change(5, reason="ü"), change(6))

    for _ in range(2):  # a repeat of a call whose outcome was unknown
        await store.deliveries.record(claim, Delivery(dead=DeadNotification(dead, 12, "503 from the receiver")))

    stored = await store.receivers.get_notification(dead.id)
    assert (stored.notification, stored.state, stored.attempts) == (dead, DEAD, 12)
    assert (stored.error, stored.first_revision, stored.last_revision) == ("503 from the receiver", 5, 7)
    query = NotificationQuery(created.id, [], 10, "")
    assert await store.receivers.list_notifications(query) == (
        [replace(stored, notification=replace(dead, changes=()))],
        "",
    )
    assert (await store.receivers.get(created.id)).dead_count == 1


async def test_a_receiver_that_is_gone_is_disabled_with_the_reason(store: VimStore) -> None:
    created = await store.receivers.create(settings())
    [claimed] = await acquire(store, "n1")
    claim = Claim(created.id, "n1", claimed.claim)

    await store.deliveries.record(claim, Delivery(gone_reason="410 Gone"))

    shown = await store.receivers.get(created.id)
    assert (shown.settings.disabled, shown.disabled_reason) == (True, "410 Gone")
    assert await acquire(store, "n1", claimed) == []
    enabled = await store.receivers.modify(created.id, lambda stored: replace(stored, disabled=False))
    assert (enabled.settings.disabled, enabled.disabled_reason) == (False, "")
