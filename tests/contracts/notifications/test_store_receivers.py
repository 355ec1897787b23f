"""People keep receivers: of their projects only, bounded in number, and without ever seeing a secret again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.support.sql.receivers import WEBHOOK, acquire, claim_one, notice, settings
from tests.support.sql.stores import registration
from vimesh.domain.access.caller import ALL_ENGINES, Caller, CallerRole
from vimesh.domain.errors import BadInput, PageTokenInvalid, RequestIdReused, VimeshError
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.notifications.delivery_store import Delivery
from vimesh.domain.notifications.receiver_errors import (
    ClaimLost,
    ReceiverDisabled,
    ReceiverNameTaken,
    ReceiverNotFound,
    TooManyReceivers,
)
from vimesh.domain.notifications.receivers import MAX_RECEIVERS_OF_PROJECT, ReceiverSettings
from vimesh.domain.notifications.target_secrets import mask_target
from vimesh.domain.notifications.targets import (
    AlarmVersion,
    AlertmanagerTarget,
    CloudEventsTarget,
    EmailTarget,
    EventMode,
    FaultManagementTarget,
    SmtpTls,
    TackerTarget,
    Target,
)
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status, Vim
from vimesh.store.notifications import read_receivers

MEMBER = Caller("member", frozenset({CallerRole.OPERATOR}), frozenset({"blue"}), ALL_ENGINES)
OTHER = Caller("other", frozenset({CallerRole.OPERATOR}), frozenset({"red"}), ALL_ENGINES)
TARGETS: list[Target] = [
    WEBHOOK,
    AlertmanagerTarget(("https://a:9093", "https://b:9093"), username="u", password="secret-p", labels={"team": "ops"}),
    CloudEventsTarget("https://e", mode=EventMode.BINARY, signing_secret="secret-s", bearer_token="secret-t"),
    EmailTarget("mx", 465, SmtpTls.TLS, "a@b.example", ("c@d.example",), username="u", password="secret-p"),
    TackerTarget("https://t", bearer_token="secret-t"),
    FaultManagementTarget("https://f", version=AlarmVersion.SOL002, bearer_token="secret-t"),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: type(target).__name__)
async def test_only_notifiers_get_the_secrets_of_a_target(store: VimStore, target: Target) -> None:
    wanted = settings(
        "öps",
        project_id="blue",
        target=target,
        filter_text='labels.region = "eu"',
        statuses=(Status.UNKNOWN,),
        group_by=("labels.region", "reason"),
        group_wait_s=0.25,
        repeat_interval_s=0,
        resolved=False,
        notify_flapping=True,
    )

    created = await store.receivers.create(wanted, MEMBER)

    shown = replace(wanted, target=mask_target(target))
    assert (created.settings, created.creator, created.notifier_id) == (shown, "member", "")
    assert "secret" not in repr(shown)
    assert await store.receivers.get(created.id, MEMBER) == created
    assert await store.receivers.list_receivers(10, "", MEMBER) == ([created], "")
    [claimed] = await acquire(store, "n1")
    assert claimed.receiver is not None
    assert claimed.receiver.settings == wanted


async def test_a_receiver_is_told_of_what_comes_after_it(store: VimStore, vim: Vim) -> None:
    created = await store.receivers.create(settings())

    assert created.revision == (await store.span()).newest == vim.revision


async def test_the_receivers_of_other_projects_do_not_exist(store: VimStore) -> None:
    blue = (await store.receivers.create(settings(project_id="blue"), MEMBER)).id
    of_all = (await store.receivers.create(settings(project_id=""))).id
    test, _ = await store.receivers.queue_test(blue, MEMBER)

    assert (await store.receivers.list_receivers(10, "", OTHER))[0] == []
    calls: list[Callable[[str], Awaitable[object]]] = [
        lambda one: store.receivers.get(one, OTHER),
        lambda one: store.receivers.modify(one, lambda stored: replace(stored, name="x"), OTHER),
        lambda one: store.receivers.delete(one, OTHER),
        lambda one: store.receivers.queue_test(one, OTHER),
        lambda one: store.receivers.resend(one, [], OTHER),
        lambda one: store.receivers.delete_notifications(one, [test.notification.id], OTHER),
    ]
    for call in calls:
        for receiver_id in (blue, of_all, str(uuid.uuid4())):
            with pytest.raises(ReceiverNotFound):
                await call(receiver_id)
    with pytest.raises(VimeshError, match="no notification"):
        await store.receivers.get_notification(test.notification.id, OTHER)
    assert len((await store.receivers.list_receivers(10, ""))[0]) == 2


async def test_a_name_is_unique_in_its_project(store: VimStore) -> None:
    first = await store.receivers.create(settings("a", project_id="blue"))
    second = await store.receivers.create(settings("b", project_id="blue"))
    await store.receivers.create(settings("a", project_id="red"))

    with pytest.raises(ReceiverNameTaken):
        await store.receivers.create(settings("a", project_id="blue"))
    with pytest.raises(ReceiverNameTaken):
        await store.receivers.modify(second.id, lambda stored: replace(stored, name="a"))
    assert (await store.receivers.modify(first.id, lambda stored: replace(stored, name="A"))).settings.name == "A"


async def test_receivers_are_listed_in_pages(store: VimStore) -> None:
    for name in ("c", "a", "B", "ä"):
        await store.receivers.create(settings(name))
    await store.receivers.create(settings("a", project_id="blue"))

    names, token = [], ""
    while True:
        page, token = await store.receivers.list_receivers(2, token)
        names += [(one.settings.project_id, one.settings.name) for one in page]
        if not token:
            break

    assert names == [("", "B"), ("", "a"), ("", "c"), ("", "ä"), ("blue", "a")]
    with pytest.raises(PageTokenInvalid):
        await store.receivers.list_receivers(2, "x")


async def test_a_page_has_as_many_receivers_as_fit(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_receivers, "PAGE_BYTES", 1)
    for name in ("a", "b"):
        await store.receivers.create(settings(name))

    page, token = await store.receivers.list_receivers(100, "")
    rest, end = await store.receivers.list_receivers(100, token)

    assert ([one.settings.name for one in (*page, *rest)], len(page), end) == (["a", "b"], 1, "")


async def test_a_repeated_request_creates_one_receiver(store: VimStore) -> None:
    request_id = str(uuid.uuid4())
    first, second = await asyncio.gather(
        *(store.receivers.create(settings(), MEMBER, request_id=request_id) for _ in range(2))
    )

    assert first == second
    other = replace(WEBHOOK, headers={"X-Token": "another"})
    with pytest.raises(RequestIdReused):
        await store.receivers.create(settings(target=other), MEMBER, request_id=request_id)
    assert (await store.receivers.create(settings("b"), OTHER, request_id=request_id)).id != first.id


async def test_validate_only_stores_nothing(store: VimStore) -> None:
    assert (await store.receivers.create(settings(), validate_only=True)).id == ""
    assert (await store.receivers.list_receivers(10, ""))[0] == []
    created = await store.receivers.create(settings())

    with pytest.raises(ReceiverNameTaken):
        await store.receivers.create(settings(), validate_only=True)
    changed = await store.receivers.modify(created.id, lambda one: replace(one, disabled=True), validate_only=True)

    assert changed.settings.disabled
    assert not (await store.receivers.get(created.id)).settings.disabled


async def test_a_project_has_so_many_receivers_at_most(store: VimStore) -> None:
    for number in range(MAX_RECEIVERS_OF_PROJECT):
        await store.receivers.create(settings(f"r{number}", project_id="blue"))

    with pytest.raises(TooManyReceivers):
        await store.receivers.create(settings("one more", project_id="blue"))
    await store.receivers.create(settings("one more", project_id="red"))


async def test_a_change_sees_the_stored_secrets_and_keeps_them(store: VimStore) -> None:
    created = await store.receivers.create(settings())
    seen: list[ReceiverSettings] = []

    def rename(stored: ReceiverSettings) -> ReceiverSettings:
        seen.append(stored)
        return replace(stored, name="renamed")

    changed = await store.receivers.modify(created.id, rename)

    assert seen[0].target == WEBHOOK
    assert changed.settings == replace(created.settings, name="renamed")
    assert changed.update_time > created.update_time
    [claimed] = await acquire(store, "n1")
    assert claimed.receiver is not None
    assert (claimed.version, claimed.receiver.settings.target) == (2, WEBHOOK)
    unchanged = await store.receivers.modify(created.id, lambda stored: stored)
    assert unchanged.update_time == changed.update_time


async def test_a_refused_change_changes_nothing(store: VimStore) -> None:
    created = await store.receivers.create(settings())

    def refuse(_: ReceiverSettings) -> ReceiverSettings:
        raise BadInput

    with pytest.raises(BadInput):
        await store.receivers.modify(created.id, refuse)
    assert await store.receivers.get(created.id) == created


async def test_a_receiver_that_is_deleted_takes_everything_with_it(store: VimStore) -> None:
    created = await store.receivers.create(settings())
    claim = await claim_one(store)
    await store.deliveries.record(claim, Delivery(notices=[notice() for _ in range(1200)]))
    test, _ = await store.receivers.queue_test(created.id)

    assert await store.receivers.delete(created.id) == ""

    with pytest.raises(ReceiverNotFound):
        await store.receivers.get(created.id)
    with pytest.raises(ClaimLost):
        await store.deliveries.record(claim, Delivery(notices=[notice()]))
    with pytest.raises(VimeshError, match="no notification"):
        await store.receivers.get_notification(test.notification.id)
    again = await store.receivers.create(settings())
    assert (again.dead_count, await acquire(store, "n2") != []) == (0, True)


async def test_nothing_is_sent_to_a_disabled_receiver(store: VimStore) -> None:
    created = await store.receivers.create(settings(disabled=True))

    assert await acquire(store, "n1") == []
    with pytest.raises(ReceiverDisabled):
        await store.receivers.queue_test(created.id)
    with pytest.raises(ReceiverDisabled):
        await store.receivers.resend(created.id, [])
    await store.receivers.modify(created.id, lambda stored: replace(stored, disabled=False))
    assert len(await acquire(store, "n1")) == 1


async def test_the_filter_of_a_receiver_keeps_to_its_project(store: VimStore) -> None:
    project = 'b" OR name = "*'
    receiver = settings(project_id=project, filter_text="name = lab OR name = x")

    assert receiver.watch_filter == 'project_id = "b\\" OR name = \\"*" AND (name = lab OR name = x)'
    await store.register(registration(name="lab"))
    mine = await store.register(registration(name="x", project_id=project))

    found = await store.list_vims(VimQuery(filter=parse_filter(receiver.watch_filter)))
    assert [vim.id for vim in found.vims] == [mine.id]
