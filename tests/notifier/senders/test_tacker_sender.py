"""Faults are as Tacker's API reference of `fault_notification` (version 2) has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from tests.support.notifier.loopback_guard import guarding
from tests.support.notifier.scripted_http import Answer, Request, scripted_http
from tests.support.notifier.told_changes import change, notification, vim_id
from vimesh.domain.notifications.notifications import ChangeKind, Notification, NotificationKind
from vimesh.domain.notifications.targets import TackerTarget
from vimesh.domain.vims import Status
from vimesh.notifier.senders.open_sender import open_sender
from vimesh.notifier.senders.sender import SendRefused

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["notification"],
    "properties": {
        "notification": {
            "type": "object",
            "required": ["alarm_id", "fault_id", "fault_type"],
            "properties": {
                "host_id": {"type": "string", "minLength": 1, "maxLength": 255},
                "alarm_id": {"type": "string", "minLength": 1, "maxLength": 255},
                "fault_id": {"type": "string", "minLength": 4, "maxLength": 4},
                "fault_type": {"enum": ["10", "11", "20", "21"]},
                "fault_option": {"type": "object"},
            },
            "additionalProperties": False,
        }
    },
    "additionalProperties": False,
}


async def requests_of(told: Notification, *answers: Answer) -> list[Request]:
    async with scripted_http(*answers) as server, guarding() as guard:
        sender = open_sender(TackerTarget(server.url, bearer_token="token"), guard=guard, repeat_interval_s=0.0)
        try:
            await sender.send(told)
        finally:
            await sender.close()
        return server.requests


async def test_each_new_problem_is_a_fault() -> None:
    requests = await requests_of(notification(change(1), replace(change(2), status=Status.UNKNOWN)))

    for request in requests:
        jsonschema.validate(request.document, SCHEMA)
        assert (request.method, request.path) == ("POST", "/notify")
        assert request.headers["x-auth-token"] == "token"
    first, second = (request.document["notification"] for request in requests)
    assert (first["fault_id"], second["fault_id"]) == ("1001", "1002")
    assert first["alarm_id"] == first["host_id"] == vim_id(1)
    assert first["fault_option"]["status"] == "UNREACHABLE"
    assert "vim-1 is UNREACHABLE" in first["fault_option"]["message"]


async def test_nothing_else_makes_tacker_heal() -> None:
    kinds = [kind for kind in ChangeKind if kind is not ChangeKind.PROBLEM]

    assert await requests_of(notification(*(change(1, kind) for kind in kinds))) == []


async def test_a_test_is_a_fault_that_no_vnf_names() -> None:
    (request,) = await requests_of(notification(kind=NotificationKind.TEST))

    jsonschema.validate(request.document, SCHEMA)
    assert request.document["notification"]["fault_id"] == "0000"


async def test_a_server_that_tacker_does_not_know_refuses_it() -> None:
    with pytest.raises(SendRefused, match="answered 404"):
        await requests_of(notification(change()), Answer(404))
