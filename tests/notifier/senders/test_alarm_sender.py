"""Alarms are as the tables of ETSI GS NFV-SOL 002 and 003 have them."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.notifier.alarm_schemas import notification_schema
from tests.support.notifier.loopback_guard import guarding
from tests.support.notifier.scripted_http import Answer, ScriptedHttp, scripted_http
from tests.support.notifier.told_changes import change, notification, vim_id
from vimesh.domain.notifications.notifications import ChangeKind, Notification, NotificationKind
from vimesh.domain.notifications.targets import AlarmVersion, FaultManagementTarget
from vimesh.domain.vims import Status
from vimesh.notifier.senders.open_sender import open_sender
from vimesh.notifier.senders.sender import SendDelayed, Sender, SendRefused

PUBLISHED = os.environ.get("VIMESH_SOL_SCHEMAS", "")
"""A folder with `SOL002` and `SOL003`; in each, ETSI's `alarmNotification.json` and `alarmClearedNotification.json`."""
ALL_KINDS = notification(
    change(1),
    replace(change(2), status=Status.UNKNOWN, reason="", detail=""),
    replace(change(1, ChangeKind.REASON_CHANGED), time=change(1, ChangeKind.RESOLVED).time),
    change(1, ChangeKind.RESOLVED),
    replace(change(2, ChangeKind.REMINDER), since=None),
)


@asynccontextmanager
async def sending(
    server: ScriptedHttp, version: AlarmVersion = AlarmVersion.SOL003, limit_s: float = 15.0
) -> AsyncGenerator[Sender]:
    async with guarding() as guard:
        target = FaultManagementTarget(server.url, version, username="me", password="secret")
        sender = open_sender(target, guard=guard, repeat_interval_s=0.0, limit_s=limit_s)
        try:
            yield sender
        finally:
            await sender.close()


async def documents_of(told: Notification, version: AlarmVersion = AlarmVersion.SOL003) -> list[dict[str, Any]]:
    async with scripted_http() as server:
        async with sending(server, version) as sender:
            await sender.send(told)
        assert all(request.method == "POST" for request in server.requests)
        assert {request.headers["version"] for request in server.requests} <= {"1.3.0"}
        return [request.document for request in server.requests]


@pytest.mark.parametrize("version", AlarmVersion)
async def test_each_alarm_is_as_the_tables_have_it(version: AlarmVersion) -> None:
    documents = await documents_of(ALL_KINDS, version)

    assert [document["notificationType"] for document in documents] == [
        *["AlarmNotification"] * 3,
        "AlarmClearedNotification",
        "AlarmNotification",
    ]
    for document in documents:
        jsonschema.validate(document, notification_schema(version.value))


@pytest.mark.skipif(not PUBLISHED, reason="VIMESH_SOL_SCHEMAS names no folder with ETSI's schemas")
@pytest.mark.parametrize("version", AlarmVersion)
async def test_each_alarm_is_as_the_published_schemas_have_it(version: AlarmVersion) -> None:
    for document in await documents_of(ALL_KINDS, version):
        name = document["notificationType"]
        schema = json.loads((Path(PUBLISHED) / version.value / f"{name[0].lower()}{name[1:]}.json").read_text())
        jsonschema.validate(document, schema.get("schema", schema))


def test_the_schemas_refuse_what_the_tables_do_not_have() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"notificationType": "AlarmNotification", "id": "1"}, notification_schema("SOL003"))


async def test_a_problem_is_one_alarm_from_its_beginning_to_its_end() -> None:
    raised, unknown, changed, cleared, reminder = await documents_of(ALL_KINDS)

    assert raised["alarm"]["id"] == changed["alarm"]["id"] == cleared["alarmId"]
    assert raised["alarm"]["id"] != unknown["alarm"]["id"] == reminder["alarm"]["id"]
    assert raised["alarm"]["perceivedSeverity"] == "CRITICAL"
    assert unknown["alarm"]["perceivedSeverity"] == "INDETERMINATE"
    assert raised["alarm"]["managedObjectId"] == vim_id(1)
    assert raised["alarm"]["probableCause"] == "TIMEOUT"
    assert raised["alarm"]["faultDetails"] == ["vim-1 is UNREACHABLE", "no answer within 5 s"]
    assert "alarmChangedTime" not in raised["alarm"]
    assert changed["alarm"]["alarmChangedTime"] == cleared["alarmClearedTime"] == "2026-03-01T12:10:00Z"


async def test_a_repeat_sends_only_what_was_not_taken_under_the_same_ids() -> None:
    told = notification(*(change(number) for number in range(4)))
    async with scripted_http(Answer(), Answer(), Answer(503)) as server, sending(server) as sender:
        with pytest.raises(SendDelayed, match="503"):
            await sender.send(told)
        await sender.send(told)

    ids = [request.document["id"] for request in server.requests]
    assert ids[2] == ids[3]
    assert len(set(ids)) == 4
    assert [request.document["alarm"]["managedObjectId"] for request in server.requests] == [
        *(vim_id(0), vim_id(1), vim_id(2), vim_id(2)),
        vim_id(3),
    ]


def vims_of(server: ScriptedHttp) -> list[int]:
    """Return of which VIM each request was, by number."""
    return [
        int(document["alarm"]["managedObjectId"][-12:])
        for document in (request.document for request in server.requests)
    ]


@pytest.mark.parametrize("muted", range(4))
async def test_nothing_is_lost_if_a_vim_is_left_out_of_the_repeat(muted: int) -> None:
    async with scripted_http(Answer(), Answer(), Answer(503)) as server, sending(server) as sender:
        with pytest.raises(SendDelayed, match="503"):
            await sender.send(notification(*(change(number) for number in range(4))))
        await sender.send(notification(*(change(number) for number in range(4) if number != muted)))

    assert vims_of(server) == [0, 1, 2, *(number for number in (2, 3) if number != muted)]
    ids = [request.document["id"] for request in server.requests]
    assert len(set(ids)) == len(set(vims_of(server)))  # one for each alarm, also if the list was another one


async def test_what_was_delivered_is_sent_whole_if_it_is_sent_again() -> None:
    told = notification(change(0), change(1))
    async with scripted_http(Answer(), Answer(503)) as server, sending(server) as sender:
        with pytest.raises(SendDelayed):
            await sender.send(told)
        await sender.send(told)
        await sender.send(told)

    assert vims_of(server) == [0, 1, 1, 0, 1]


async def test_another_notification_between_two_tries_changes_nothing() -> None:
    async with scripted_http(Answer(), Answer(503)) as server, sending(server) as sender:
        with pytest.raises(SendDelayed):
            await sender.send(notification(change(1), change(2)))
        await sender.send(notification(change(3), number=2))
        await sender.send(notification(change(1), change(2)))

    assert vims_of(server) == [1, 2, 3, 2]


@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_what_is_refused_does_not_bury_the_rest(status: int) -> None:
    told = notification(*(change(number) for number in range(4)))
    async with scripted_http(Answer(), Answer(status)) as server, sending(server) as sender:
        with pytest.raises(
            SendRefused, match=f"refused 1 of 4 changes, one of them so: the receiver answered {status}"
        ):
            await sender.send(told)
        await sender.send(told)  # as people do it who have mended the receiver

    assert vims_of(server) == [0, 1, 2, 3, 1]


async def test_what_was_refused_waits_for_the_rest() -> None:
    told = notification(*(change(number) for number in range(4)))
    async with scripted_http(Answer(400), Answer(), Answer(503), Answer(503)) as server, sending(server) as sender:
        with pytest.raises(SendDelayed):
            await sender.send(told)
        with pytest.raises(SendDelayed):
            await sender.send(told)
        with pytest.raises(SendRefused, match="1 of 4"):
            await sender.send(told)

    assert vims_of(server) == [0, 1, 2, 2, 2, 3]


async def test_what_concerns_all_requests_is_found_out_by_one() -> None:
    told = notification(*(change(number) for number in range(4)))
    async with scripted_http(Answer(), Answer(401)) as server, sending(server) as sender:
        with pytest.raises(SendRefused, match="credentials"):
            await sender.send(told)
        await sender.send(told)

    assert vims_of(server) == [0, 1, 1, 2, 3]


@pytest.mark.parametrize(("headers", "pause_s"), [({}, 0.0), ({"Retry-After": "7"}, 7.0)])
async def test_a_try_that_came_further_is_no_failure(headers: dict[str, str], pause_s: float) -> None:
    told = notification(change(0), change(1))
    async with scripted_http(Answer(), Answer(429, headers), Answer(429)) as server, sending(server) as sender:
        with pytest.raises(SendDelayed, match=r"has taken 1 of 2 changes.*429") as further:
            await sender.send(told)
        with pytest.raises(SendDelayed) as stuck:
            await sender.send(told)

    assert further.value.retry_after_s == pause_s
    assert stuck.value.retry_after_s is None


async def test_each_reminder_is_another_one() -> None:
    reminder = notification(change(0, ChangeKind.REMINDER), kind=NotificationKind.REMINDER)
    async with scripted_http() as server, sending(server) as sender:
        await sender.send(reminder)
        await sender.send(replace(reminder, id=notification(number=2).id))

    first, second = (request.document["id"] for request in server.requests)
    assert first != second


async def test_what_does_not_fit_into_a_try_goes_on_at_once() -> None:
    told = notification(*(change(number) for number in range(4)))
    async with scripted_http(Answer(), Answer(), Answer(hangs=True)) as server:
        async with sending(server, limit_s=3.0) as sender:  # two requests take some milliseconds
            with pytest.raises(SendDelayed, match="has taken 2 of 4 changes; the rest follows") as raised:
                await sender.send(told)
            await sender.send(told)

        assert raised.value.retry_after_s == 0.0
        assert len(server.requests) == 5


async def test_no_progress_is_a_failure() -> None:
    async with scripted_http(Answer(hangs=True)) as server, sending(server, limit_s=0.5) as sender:
        with pytest.raises(SendDelayed) as raised:
            await sender.send(notification(change()))

    assert raised.value.retry_after_s is None


async def test_changes_come_in_their_order() -> None:
    changes = [replace(change(number % 7), revision=number) for number in range(300)]
    documents = await documents_of(notification(*changes))

    assert [document["alarm"]["managedObjectId"] for document in documents] == [one.vim_id for one in changes]
    assert all(earlier["id"] != later["id"] for earlier, later in pairwise(documents))


async def test_what_people_do_is_no_alarm() -> None:
    lifecycle = [replace(change(), kind=kind) for kind in (ChangeKind.REGISTERED, ChangeKind.DEREGISTERED)]

    assert await documents_of(notification(*lifecycle)) == []


async def test_a_test_asks_the_endpoint_as_the_interface_says() -> None:
    async with scripted_http() as server, sending(server) as sender:
        await sender.send(notification(kind=NotificationKind.TEST))

    (request,) = server.requests
    assert (request.method, request.body) == ("GET", b"")
    assert request.headers["authorization"].startswith("Basic ")
