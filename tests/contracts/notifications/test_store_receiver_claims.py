"""One notifier at a time works for a receiver, and each has about as many (G19)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.support.sql.receivers import acquire, pass_time, settings
from tests.support.sql.stores import LOCK_TIMEOUT_S, store_at
from vimesh.domain.notifications.delivery_store import ClaimRequest
from vimesh.domain.notifications.notifications import NotificationState
from vimesh.domain.notifications.receivers import (
    CLAIM_S,
    AcquiredReceivers,
    ClaimedReceiver,
    ReceiverClaim,
)
from vimesh.domain.vim_store import VimStore
from vimesh.store.notifications import claim_receivers
from vimesh.store.schema.timestamps import micros

QUEUED, DELIVERED, DEAD = NotificationState
NOTIFIERS = 4
SLOW_S = 60.0
"""More than any of these tests takes."""


async def test_of_notifiers_that_ask_at_once_one_gets_a_receiver(store: VimStore, database_url: str) -> None:
    receivers = [await store.receivers.create(settings(f"r{number}")) for number in range(5)]
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        for _ in range(3):
            answers = await asyncio.gather(
                *(acquire((store, other)[number % 2], f"n{number}") for number in range(NOTIFIERS))
            )
            taken = [one.receiver_id for answer in answers for one in answer]
            assert sorted(taken) == sorted(one.id for one in receivers)
            await pass_time(store, CLAIM_S)


async def test_a_claim_lasts_as_long_as_it_is_renewed(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_receivers, "_CLAIM", micros(10 * SLOW_S))
    created = await store.receivers.create(settings())
    [first] = await acquire(store, "n1")
    assert (first.claim, first.version, first.revision, first.queued_count) == (1, 1, created.revision, 0)
    assert (await store.receivers.get(created.id)).notifier_id == "n1"

    for _ in range(3):
        await pass_time(store, 8 * SLOW_S)
        assert await acquire(store, "n1", first) == [replace(first, receiver=None)]
        assert await acquire(store, "n2") == []
    await pass_time(store, 10 * SLOW_S)

    assert (await store.receivers.get(created.id)).notifier_id == ""
    [second] = await acquire(store, "n2")
    assert (second.claim, second.receiver is not None) == (2, True)
    assert await acquire(store, "n1", first) == []


async def test_a_claim_that_has_ended_gets_another_number(store: VimStore) -> None:
    """Whoever slept for so long may have forgotten what it did, and must read all anew."""
    await store.receivers.create(settings())
    [first] = await acquire(store, "n1")
    await pass_time(store, CLAIM_S)

    [second] = await acquire(store, "n1", first)

    assert (second.claim, second.receiver) == (2, first.receiver and replace(first.receiver))


async def test_a_notifier_that_is_restarted_waits_for_its_former_self(store: VimStore) -> None:
    await store.receivers.create(settings())
    await acquire(store, "n1")

    assert await acquire(store, "n1") == []
    await pass_time(store, CLAIM_S)
    assert [one.claim for one in await acquire(store, "n1")] == [2]


async def test_a_notifier_that_stops_hands_over_at_once(store: VimStore) -> None:
    for name in ("a", "b"):
        await store.receivers.create(settings(name))
    first, second = await acquire(store, "n1")

    # Nobody gives back what another one has.
    assert await acquire(store, "n2", first, second, release=True, renew_only=True) == []
    kept = await acquire(store, "n1", first, second, renew_only=True)
    assert len(kept) == 2
    assert await acquire(store, "n1", first, second, release=True, renew_only=True) == []
    assert len(await acquire(store, "n2")) == 2


async def test_a_notifier_that_is_about_to_stop_takes_no_more(store: VimStore) -> None:
    await store.receivers.create(settings("a"))
    [first] = await acquire(store, "n1")
    await store.receivers.create(settings("b"))

    assert [one.receiver_id for one in await acquire(store, "n1", first, renew_only=True)] == [first.receiver_id]


async def test_receivers_are_divided_evenly_among_notifiers(store: VimStore) -> None:
    for number in range(7):
        await store.receivers.create(settings(f"r{number}"))
    first = await ask(store, "n1")
    assert (len(first.receivers), first.surplus_count) == (7, 0)

    # Another one asks: it gets what the first one gives back.
    assert not (await ask(store, "n2")).receivers
    asked = await ask(store, "n1", *first.receivers)
    assert (len(asked.receivers), asked.surplus_count) == (7, 3)
    kept, surplus = asked.receivers[3:], [one.receiver_id for one in asked.receivers[:3]]
    given = await ask(store, "n1", *asked.receivers, release_ids=surplus)
    assert ([one.receiver_id for one in given.receivers], given.surplus_count) == ([one.receiver_id for one in kept], 0)
    second = await ask(store, "n2")
    assert (sorted(one.receiver_id for one in second.receivers), second.surplus_count) == (sorted(surplus), 0)

    # One that dies leaves its part to the others, and one that is about to stop counts no more.
    await pass_time(store, CLAIM_S)
    whole = (await ask(store, "n1")).receivers
    assert len(whole) == 7
    await ask(store, "n2")
    assert (await ask(store, "n1", *whole)).surplus_count == 3
    await ask(store, "n2", renew_only=True)
    assert (await ask(store, "n1", *whole)).surplus_count == 0


async def test_a_notifier_is_asked_for_a_limited_number_at_a_time(
    store: VimStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_receivers, "MAX_SURPLUS", 1)
    for number in range(4):
        await store.receivers.create(settings(f"r{number}"))
    first = await ask(store, "n1")
    await ask(store, "n2")

    assert (await ask(store, "n1", *first.receivers)).surplus_count == 1


async def ask(
    store: VimStore,
    notifier_id: str,
    *known: ClaimedReceiver,
    release_ids: Sequence[str] = (),
    renew_only: bool = False,
) -> AcquiredReceivers:
    claims = [ReceiverClaim(one.receiver_id, one.claim, one.version) for one in known]
    return await store.deliveries.acquire(ClaimRequest(notifier_id, claims, release_ids, renew_only))


async def test_a_notifier_learns_what_people_changed(store: VimStore) -> None:
    created = await store.receivers.create(settings())
    [first] = await acquire(store, "n1")
    await store.receivers.modify(created.id, lambda stored: replace(stored, name="renamed"))

    [second] = await acquire(store, "n1", first)

    assert second.receiver is not None
    assert (second.claim, second.version, second.receiver.settings.name) == (first.claim, 2, "renamed")
    await store.receivers.modify(created.id, lambda stored: replace(stored, disabled=True))
    assert await acquire(store, "n1", second) == []


async def test_an_answer_has_as_many_receivers_as_fit(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_receivers, "ANSWER_BYTES", 1)
    for name in ("a", "b", "c"):
        await store.receivers.create(settings(name))

    first = await acquire(store, "n1")
    second = await acquire(store, "n1", *first)

    assert (len(first), len(second)) == (1, 2)
    assert [one.receiver is None for one in second] == [True, False]
    for one in second:
        await store.receivers.modify(one.receiver_id, lambda stored: replace(stored, resolved=False))
    third = await acquire(store, "n1", *second, renew_only=True)
    assert [(one.version, one.receiver is None) for one in third] == [(2, False), (1, True)]
    fourth = await acquire(store, "n1", *third, renew_only=True)
    assert [(one.version, one.receiver is None) for one in fourth] == [(2, True), (2, False)]
