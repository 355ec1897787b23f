"""What arrives is a CloudEvent 1.0, as its Python SDK reads it."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook

from tests.support.notifier.loopback_guard import guarding
from tests.support.notifier.scripted_http import Answer, Request, ScriptedHttp, scripted_http
from tests.support.notifier.told_changes import BEGAN, change, notification
from vimesh.domain.notifications.notifications import ChangeKind, Notification, NotificationKind
from vimesh.domain.notifications.targets import CloudEventsTarget, EventMode
from vimesh.notifier.senders.open_sender import open_sender
from vimesh.notifier.senders.sender import SendDelayed, SendRefused

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TOLD = notification(change(1), change(2, ChangeKind.RESOLVED))


@pytest.fixture
async def server() -> AsyncGenerator[ScriptedHttp]:
    async with scripted_http() as made:
        yield made


async def send(told: Notification, target: CloudEventsTarget) -> None:
    async with guarding() as guard:
        sender = open_sender(target, guard=guard, repeat_interval_s=0.0)
        try:
            await sender.send(told)
        finally:
            await sender.close()


@pytest.mark.parametrize("mode", EventMode)
async def test_the_sdk_reads_an_event(server: ScriptedHttp, mode: EventMode) -> None:
    await send(TOLD, CloudEventsTarget(server.url, mode, source="/sites/münchen 100%"))

    (request,) = server.requests
    event = from_http_event(HTTPMessage(dict(request.headers), request.body))
    assert (request.method, request.path) == ("POST", "/notify")
    assert event.get_specversion() == "1.0"
    assert event.get_id() == TOLD.id
    assert event.get_source() == "/sites/münchen 100%"
    assert event.get_type() == "vimesh.notification.changes"
    assert event.get_time() == max(one.time for one in TOLD.changes)
    data = event.get_data()
    assert isinstance(data, dict)
    assert data["headline"] == "2 VIMs changed: 1 with a problem, 1 resolved (reason TIMEOUT)"
    assert [(one["vim_name"], one["status"], one["kind"]) for one in data["changes"]] == [
        ("vim-1", "UNREACHABLE", "PROBLEM"),
        ("vim-2", "REACHABLE", "RESOLVED"),
    ]


@pytest.mark.parametrize("mode", EventMode)
async def test_the_library_of_standard_webhooks_verifies_it(server: ScriptedHttp, mode: EventMode) -> None:
    await send(TOLD, CloudEventsTarget(server.url, mode, signing_secret=SECRET, bearer_token="token"))

    (request,) = server.requests
    assert Webhook(SECRET).verify(request.body, dict(request.headers))
    assert request.headers["webhook-id"] == TOLD.id
    assert request.headers["authorization"] == "Bearer token"


async def test_a_repeat_has_the_same_id_and_time(server: ScriptedHttp) -> None:
    server.answers.append(Answer(503))
    with pytest.raises(SendDelayed):
        await send(TOLD, CloudEventsTarget(server.url))

    await send(TOLD, CloudEventsTarget(server.url))

    first, second = server.requests
    assert first.document == second.document


async def test_a_test_is_one(server: ScriptedHttp) -> None:
    await send(notification(kind=NotificationKind.TEST), CloudEventsTarget(server.url))

    document = server.requests[0].document
    assert document["type"] == "vimesh.notification.test"
    assert document["data"]["headline"] == "Test of the receiver on-call"


async def test_without_a_secret_nothing_is_signed(server: ScriptedHttp) -> None:
    await send(TOLD, CloudEventsTarget(server.url))

    assert not [name for name in server.requests[0].headers if name.startswith("webhook-")]


async def test_ten_thousand_changes_are_all_in_it(server: ScriptedHttp) -> None:
    changes = [replace(change(number), time=BEGAN, detail="x" * 300) for number in range(10_000)]

    await send(notification(*changes), CloudEventsTarget(server.url))

    assert len(server.requests[0].document["data"]["changes"]) == 10_000


def vims_of(request: Request) -> list[str]:
    return [one["vim_name"] for one in request.document["data"]["changes"]]


async def test_what_is_too_large_comes_in_halves_of_their_own() -> None:
    """The last of three VIMs is resolved; a part of one change is the least that there is."""
    told = notification(change(0), change(1), change(2, ChangeKind.RESOLVED))
    async with scripted_http(Answer(413), Answer(413)) as server:
        await send(told, CloudEventsTarget(server.url, signing_secret=SECRET))

    whole, half, *parts = server.requests
    assert (vims_of(whole), vims_of(half)) == (["vim-0", "vim-1", "vim-2"], ["vim-0", "vim-1"])
    assert [vims_of(part) for part in parts] == [["vim-0"], ["vim-1"], ["vim-2"]]
    data = [part.document["data"] for part in parts]
    assert [(one["vim_count"], one["problem_count"], one["resolved_count"]) for one in data] == [
        (1, 1, 0),
        (1, 1, 0),
        (1, 0, 1),
    ]
    assert data[2]["headline"] == "vim-2 is REACHABLE again"
    ids = [request.document["id"] for request in server.requests]
    assert len(set(ids)) == 5
    assert ids == [request.document["data"]["id"] for request in server.requests]
    assert all(Webhook(SECRET).verify(request.body, dict(request.headers)) for request in server.requests)


async def test_a_repeat_sends_the_parts_that_were_not_taken_under_the_same_ids() -> None:
    told = notification(*(change(number) for number in range(4)))
    async with scripted_http(Answer(413), Answer(), Answer(503)) as server, guarding() as guard:
        sender = open_sender(CloudEventsTarget(server.url), guard=guard, repeat_interval_s=0.0)
        with pytest.raises(SendDelayed, match="has taken 2 of 4 changes") as further:
            await sender.send(told)
        await sender.send(told)
        await sender.send(notification(*told.changes, number=2))
        await sender.close()

    assert further.value.retry_after_s == 0.0
    assert [len(vims_of(request)) for request in server.requests] == [4, 2, 2, 2, 4]
    assert server.requests[2].document == server.requests[3].document


async def test_a_change_that_is_too_large_by_itself_does_not_bury_the_rest() -> None:
    told = notification(change(0), change(1), change(2))
    async with scripted_http(Answer(413), Answer(413), Answer(413)) as server, guarding() as guard:
        sender = open_sender(CloudEventsTarget(server.url), guard=guard, repeat_interval_s=0.0)
        with pytest.raises(SendRefused, match=r"refused 1 of 3 changes.*413, even to a single change"):
            await sender.send(told)
        await sender.close()

    assert [vims_of(request) for request in server.requests[2:]] == [["vim-0"], ["vim-1"], ["vim-2"]]


async def test_a_secret_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(SendRefused, match="whsec_"):
        await send(TOLD, CloudEventsTarget("http://127.0.0.1:1/", signing_secret="secret"))
