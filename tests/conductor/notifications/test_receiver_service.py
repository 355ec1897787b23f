"""People keep receivers at a real conductor: of their projects, with bounds, and secrets that are never seen again."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, Awaitable
from pathlib import Path

import grpc
import pytest
from google.api import httpbody_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseDict

from tests.support.deployments.conductors import Client
from tests.support.deployments.secured_conductors import ADMIN, OPERATOR, OTHER_OPERATOR, READER, client_as, secured
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.v1 import notifier_service_pb2 as ns
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.error_statuses import RpcFailure, failure_of

WITHIN_S = 30
SEVERAL = ("https://login.example#mia", "operator", "a,b")
BAD = (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT")
HOOK = {"url": "https://chat.example/T0/path-secret", "headers": {"X-Token": "header-secret"}, "bodyTemplate": "{}"}
SIGNED = {"url": "https://e.example/in", "signingSecret": "whsec_" + "A" * 32, "bearerToken": "token-secret"}
ALERTS = {"urls": ["https://am.example:9093"], "username": "u", "password": "password-secret"}


def receiver(**fields: object) -> pb.Receiver:
    """Make a receiver from its JSON, with a webhook unless another target is given."""
    targets = {"alertmanager", "cloudEvents", "email", "tacker", "faultManagement", "webhook"}
    known = {"name": "ops"} if targets & fields.keys() else {"name": "ops", "webhook": HOOK}
    return ParseDict(known | fields, pb.Receiver())


async def create(client: Client, **fields: object) -> pb.Receiver:
    request = pb.CreateReceiverRequest(receiver=receiver(**fields), request_id=str(uuid.uuid4()))
    return (await client.receivers.CreateReceiver(request, timeout=WITHIN_S)).receiver


async def modify(client: Client, receiver_id: str, *paths: str, **fields: object) -> pb.Receiver:
    changed = ParseDict({"id": receiver_id, **fields}, pb.Receiver())
    request = pb.ModifyReceiverRequest(receiver=changed, update_mask=FieldMask(paths=paths))
    return (await client.receivers.ModifyReceiver(request, timeout=WITHIN_S)).receiver


async def get(client: Client, receiver_id: str) -> pb.Receiver:
    request = pb.GetReceiverRequest(receiver_id=receiver_id)
    return (await client.receivers.GetReceiver(request, timeout=WITHIN_S)).receiver


async def plain(client: Client) -> pb.Receiver:
    """Return the only receiver as notifiers get it."""
    request = ns.AcquireReceiversRequest(notifier_id=str(uuid.uuid4()))
    [claimed] = (await client.notifiers.AcquireReceivers(request, timeout=WITHIN_S)).receivers
    return claimed.receiver


async def failure(call: Awaitable[object]) -> RpcFailure:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return failure_of(refused.value)


async def reason_of(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    failed = await failure(call)
    return failed.code, failed.reason


async def test_a_receiver_says_all_its_settings(client: Client) -> None:
    short = await create(client)
    alerts = await create(client, name="alerts", alertmanager=ALERTS)

    assert (list(short.statuses), list(short.group_by)) == ([Vim.UNREACHABLE, Vim.UNKNOWN], ["reason"])
    assert [short.group_wait.seconds, short.group_interval.seconds, short.give_up_after.seconds] == [15, 60, 86400]
    assert (short.repeat_interval.seconds, alerts.repeat_interval.seconds) == (4 * 3600, 60)
    assert (short.resolved, short.disabled) == (True, False)
    assert await get(client, short.id) == short


async def test_secrets_are_never_answered(client: Client) -> None:
    targets: list[dict[str, object]] = [{"webhook": HOOK}, {"cloudEvents": SIGNED}, {"alertmanager": ALERTS}]
    for number, target in enumerate(targets):
        created = await create(client, name=f"r{number}", **target)
        listed = await client.receivers.ListReceivers(pb.ListReceiversRequest(), timeout=WITHIN_S)
        for shown in (created, await get(client, created.id), listed):
            assert "secret" not in str(shown).replace("signing_secret", "")
            assert "whsec_" not in str(shown)
            assert "***" in str(shown)


async def test_what_is_sent_back_masked_keeps_the_secret(client: Client) -> None:
    created = await create(client)

    changed = await modify(
        client,
        created.id,
        "webhook",
        webhook={
            **HOOK,
            "url": "https://chat.example/***",
            "headers": {"X-Token": "***", "X-New": "more"},
            "bodyTemplate": "x",
        },
    )

    assert changed.webhook.headers == {"X-Token": "***", "X-New": "***"}
    told = await plain(client)
    assert told.webhook.url == HOOK["url"]
    assert told.webhook.headers == {"X-Token": "header-secret", "X-New": "more"}
    assert told.webhook.body_template == "x"


async def test_a_secret_is_not_sent_to_another_address(client: Client) -> None:
    created = await create(client)
    evil = {**HOOK, "url": "https://evil.example/", "headers": {"X-Token": "***"}}

    assert await reason_of(modify(client, created.id, webhook=evil)) == BAD
    assert await get(client, created.id) == created


async def test_a_mask_changes_what_it_names(client: Client) -> None:
    created = await create(client, filter="type = openstack", groupWait="7s", resolved=False)

    changed = await modify(client, created.id, "group_wait", "resolved", "filter", name="ignored")
    renamed = await modify(client, created.id, name="renamed")

    assert (changed.name, changed.filter, changed.group_wait.seconds, changed.resolved) == ("ops", "", 15, True)
    assert (renamed.name, renamed.webhook) == ("renamed", created.webhook)
    alerts = await modify(client, created.id, "alertmanager", "repeat_interval", alertmanager=ALERTS)
    assert (alerts.WhichOneof("target"), alerts.repeat_interval) == ("alertmanager", Duration(seconds=60))
    for paths in (["project_id"], ["creator"], ["email"], ["webhook", "email"]):
        assert await reason_of(modify(client, created.id, *paths, webhook=HOOK)) == BAD
    assert await reason_of(modify(client, "", name="x")) == BAD


async def test_a_bad_field_is_named(client: Client) -> None:
    failed = await failure(create(client, filter="status = UNREACHABLE"))

    assert (failed.code, failed.reason, [one.field for one in failed.violations]) == (*BAD, ["filter"])


def body(content: object) -> httpbody_pb2.HttpBody:
    return httpbody_pb2.HttpBody(content_type="application/json", data=json.dumps(content).encode())


async def test_json_that_names_notifications_is_not_taken_for_all_of_them(client: Client) -> None:
    created, absent = await create(client), str(uuid.uuid4())

    async def resend(content: object) -> int:
        request = pb.ResendNotificationsJsonRequest(receiver_id=created.id, request=body(content))
        return (await client.receivers.ResendNotificationsJson(request, timeout=WITHIN_S)).count

    async def delete(content: object) -> int:
        request = pb.DeleteNotificationsJsonRequest(receiver_id=created.id, request=body(content))
        return (await client.receivers.DeleteNotificationsJson(request, timeout=WITHIN_S)).count

    for call in (resend, delete):
        for good in (
            {},
            {"notification_ids": [absent]},
            {"notificationIds": [absent], "receiver_id": created.id.upper()},
        ):
            assert await call(good) == 0
        all_bad: list[object] = [
            {"notification_ids": [[None]]},
            {"notification_ids": [None]},
            {"notifications": [absent]},
            {"notification_ids": ["x"]},
            {"receiver_id": absent},
            [],
        ]
        for bad in all_bad:
            assert await reason_of(call(bad)) == BAD


async def test_json_is_read_strictly(client: Client) -> None:
    async def post(content: object) -> pb.Receiver:
        request = pb.CreateReceiverJsonRequest(request=body(content))
        return (await client.receivers.CreateReceiverJson(request, timeout=WITHIN_S)).receiver

    async def patch(receiver_id: str, content: object) -> pb.Receiver:
        request = pb.ModifyReceiverJsonRequest(receiver_id=receiver_id, request=body(content))
        return (await client.receivers.ModifyReceiverJson(request, timeout=WITHIN_S)).receiver

    created = await post({"receiver": {"name": "a", "webhook": HOOK}})
    assert (await patch(created.id.upper(), {"receiver": {"disabled": True}})).disabled
    masked = {"receiver": {"id": created.id}, "updateMask": "disabled,groupWait"}
    assert not (await patch(created.id, masked)).disabled
    all_bad: list[object] = [{"receiver": {"name": "b", "webhook": HOOK, "filters": "x"}}, {"receiver": {}}, []]
    for bad in all_bad:
        assert await reason_of(post(bad)) == BAD
    for bad in ({"receiver": {"id": str(uuid.uuid4()), "name": "b"}}, {"receiver": {"targets": []}}):
        assert await reason_of(patch(created.id, bad)) == BAD


async def test_a_test_is_queued_until_a_notifier_comes(client: Client) -> None:
    created = await create(client)

    test = await client.receivers.TestReceiver(pb.TestReceiverRequest(receiver_id=created.id), timeout=WITHIN_S)

    notification = test.notification
    assert (notification.state, notification.kind) == (pb.Notification.QUEUED, pb.Notification.TEST)
    request = pb.GetNotificationRequest(notification_id=notification.id)
    assert (await client.receivers.GetNotification(request, timeout=WITHIN_S)).notification == notification
    by_state = pb.ListNotificationsRequest(receiver_id=created.id, states=[pb.Notification.DEAD])
    assert not (await client.receivers.ListNotifications(by_state, timeout=WITHIN_S)).notifications
    await modify(client, created.id, disabled=True)
    disabled = (grpc.StatusCode.FAILED_PRECONDITION, "RECEIVER_DISABLED")
    again = client.receivers.TestReceiver(pb.TestReceiverRequest(receiver_id=created.id), timeout=WITHIN_S)
    assert await reason_of(again) == disabled


@pytest.fixture
async def address(tmp_path: Path) -> AsyncGenerator[str]:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path, audit_file=tmp_path / "audit.log") as address,
    ):
        yield address


async def test_each_keeps_the_receivers_of_its_projects(address: str, tmp_path: Path) -> None:
    """G14."""
    async with (
        client_as(address, OPERATOR) as own,
        client_as(address, OTHER_OPERATOR) as other,
        client_as(address, ADMIN) as admin,
        client_as(address, READER) as reader,
        client_as(address, SEVERAL) as several,
    ):
        created = await create(own)
        of_all = await create(admin)
        assert (created.project_id, created.creator, of_all.project_id) == ("a", OPERATOR[0], "")
        assert await get(reader, created.id) == created
        for client, count in ((own, 1), (reader, 1), (other, 0), (admin, 2)):
            listed = await client.receivers.ListReceivers(pb.ListReceiversRequest(), timeout=WITHIN_S)
            assert len(listed.receivers) == count
        unknown = (grpc.StatusCode.NOT_FOUND, "RECEIVER_NOT_FOUND")
        for client, receiver_id in ((other, created.id), (own, of_all.id)):
            assert await reason_of(get(client, receiver_id)) == unknown
            assert await reason_of(modify(client, receiver_id, name="x")) == unknown
            deletion = pb.DeleteReceiverRequest(receiver_id=receiver_id)
            assert await reason_of(client.receivers.DeleteReceiver(deletion, timeout=WITHIN_S)) == unknown
        denied = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
        assert await reason_of(create(other, projectId="a")) == denied
        assert await reason_of(modify(reader, created.id, name="x")) == denied
        assert await reason_of(create(several)) == BAD
        assert (await create(several, projectId="b")).project_id == "b"
        acquisition = ns.AcquireReceiversRequest(notifier_id="n1")
        assert await reason_of(admin.notifiers.AcquireReceivers(acquisition, timeout=WITHIN_S)) == denied
        await own.receivers.DeleteReceiver(pb.DeleteReceiverRequest(receiver_id=created.id), timeout=WITHIN_S)

    audit = [json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]
    made = [line for line in audit if line.get("receiver_id") == created.id and line["outcome"] == "OK"]
    assert [line["method"].rpartition("/")[2] for line in made] == ["CreateReceiver", "DeleteReceiver"]
    assert {(line["identity"], line["project_id"]) for line in made} == {(OPERATOR[0], "a")}
    assert "secret" not in (tmp_path / "audit.log").read_text()
