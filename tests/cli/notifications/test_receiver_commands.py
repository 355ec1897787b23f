"""People manage receivers and what could not be delivered to them, by the command, at a real conductor."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.callers.commands import AsyncUser
from tests.support.clouds.authorities import Authority
from tests.support.sql.receivers import change, claim_one, notification
from tests.support.sql.stores import elapse
from tests.support.timing.waiting import eventually
from vimesh.domain.notifications.delivery_store import Claim, DeadNotification, Delivery
from vimesh.domain.notifications.notifications import QueuedOutcome
from vimesh.store.sql_store import SqlStore

WITHIN_S = 30
NOWHERE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


async def long_claim(store: SqlStore) -> Claim:
    """Claim the only receiver for longer than any test takes."""
    claim = await claim_one(store)
    await elapse(store, -3600.0)
    return claim


async def give_up(store: SqlStore, claim: Claim, *names: str) -> list[str]:
    """Record a dead notification for each name of a VIM; return their ids."""
    dead = [notification(claim.receiver_id, change(number, vim_name=name)) for number, name in enumerate(names, 1)]
    for each in dead:
        await store.deliveries.record(claim, Delivery(dead=DeadNotification(each, 3, "404: no such channel")))
    return [each.id for each in dead]


async def test_a_receiver_is_created_shown_changed_and_deleted(user: AsyncUser, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    authorities = Authority(tmp_path, "ca").file.read_text()
    flags = (
        "--tacker",
        "https://t.example/faults",
        "--secret",
        "bearer_token=token",
        "-l",
        "tier=gold",
        "--ca-file",
        "ca.pem",
    )
    planned = await user("receiver", "create", "ops", *flags, "--dry-run", "server")
    nothing = await user("receiver", "list", "-o", "json")
    created = await user("receiver", "create", "ops", *flags)
    listed = await user("receiver", "list")
    shown = (await user("receiver", "show", "ops", "-o", "json")).json
    modified = await user("receiver", "modify", "ops", "--name", "night", "--disable", "--repeat-interval", "0s")
    changed = (await user("receiver", "show", shown["id"], "-o", "json")).json
    deleted = await user("receiver", "delete", "night")

    assert (planned.code, nothing.json) == (0, [])
    assert created.out.startswith(f"receiver ops is {shown['id']}; try it: vimesh receiver test ")
    assert [line.split()[1:5] for line in listed.out.splitlines()] == [
        ["NAME", "PROJECT", "KIND", "STATE"],
        ["ops", "<all>", "tacker", "no"],
    ]
    assert (shown["filter"], shown["tacker"]["bearer_token"]) == ('labels.tier = "gold"', "***")
    assert shown["tacker"]["ssl_ca_cert"].strip() == authorities.strip()
    assert (modified.code, modified.out) == (0, "receiver night was modified\n")
    assert (changed["disabled"], changed["repeat_interval"], changed["filter"]) == (True, "0s", shown["filter"])
    assert (deleted.code, (await user("receiver", "list", "-o", "json")).json) == (0, [])


async def test_what_was_given_up_is_listed_sent_again_and_forgotten(user: AsyncUser, store: SqlStore) -> None:
    await user("receiver", "create", "ops", "--alertmanager", "http://127.0.0.1:9093")
    claim = await long_claim(store)
    first, second = await give_up(store, claim, "lab-1", "lab-2")

    listed = (await user("notification", "list", "--state", "dead", "-o", "json")).json
    shown = await user("notification", "show", first)
    again = await user("notification", "resend", "ops", first)
    queued = (await user("notification", "list", "ops", "--state", "queued", "-o", "json")).json
    forgotten = await user("notification", "delete", "ops")
    left = (await user("notification", "list", "ops", "-o", "json")).json

    assert {one["id"] for one in listed} == {first, second}
    assert "404: no such channel" in shown.out
    assert "lab-1" in shown.out
    assert (again.out, [one["id"] for one in queued]) == ("1 notification will be sent again\n", [first])
    assert (forgotten.out, [one["id"] for one in left]) == ("1 notification was deleted\n", [first])


async def test_a_test_says_what_became_of_it(user: AsyncUser, store: SqlStore) -> None:
    await user("receiver", "create", "ops", "--alertmanager", "http://127.0.0.1:9093")
    claim = await long_claim(store)

    async def settle(error: str = "") -> None:
        async def is_queued() -> bool:
            return bool(await store.deliveries.queued(claim))

        await eventually(is_queued, WITHIN_S)
        [queued] = await store.deliveries.queued(claim)
        outcome = QueuedOutcome(queued.notification.id, delivered=not error, attempts=1, error=error)
        await store.deliveries.record(claim, Delivery(outcomes=[outcome]))

    late = await user("receiver", "test", "ops", "--wait-timeout", "1s")
    await settle("401: who are you")
    refused, _ = await asyncio.gather(user("receiver", "test", "ops"), settle("401: who are you"))
    taken, _ = await asyncio.gather(user("receiver", "test", "ops"), settle())

    assert (late.code, "vimesh notification show" in late.err) == (4, True)
    assert (refused.code, refused.err) == (1, "error: the test was not delivered: 401: who are you\n")
    assert (taken.code, taken.out) == (0, "ops took the test\n")


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("receiver", "create", "--tacker", "https://t.example"), 2, "NAME: is required"),
        (("receiver", "create", "ops"), 1, "target"),
        (("receiver", "modify", "ops"), 2, "--file: says what to change"),
        (("receiver", "show", "nobody"), 3, "no receiver has the id or name nobody"),
        (("receiver", "test", NOWHERE), 3, "RECEIVER_NOT_FOUND"),
        (("notification", "show", NOWHERE), 3, "NOTIFICATION_NOT_FOUND"),
        (("notification", "list", "--state", "lost"), 2, "--state: must be one of queued, delivered, dead"),
    ],
)
async def test_what_cannot_be_done_is_explained(user: AsyncUser, words: tuple[str, ...], code: int, part: str) -> None:
    ended = await user(*words)

    assert ended.code == code, ended.err
    assert part in ended.err
