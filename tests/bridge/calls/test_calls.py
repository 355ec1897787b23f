"""Calls as any oslo.messaging client makes them: the form with an action id, and what is wrong in other ways."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import aio_pika
import pytest

from tests.bridge.bridges import Bridge
from tests.bridge.site import PATIENCE_S, Site, Vim
from tests.support.timing.waiting import until
from vimesh.v1 import vim_pb2

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

EMBEDDED = vim_pb2.Monitor.EMBEDDED


async def test_a_report_with_action_id_is_answered_with_its_status(site: Site) -> None:
    vim = await site.register(EMBEDDED)

    called = await site.old.call(vim_id=vim.id, status="UNREACHABLE", action_id=vim.monitor.action_id)

    assert called["answer"] == "UNREACHABLE"
    assert (await site.client.get(vim.id)).status == Vim.UNREACHABLE


async def test_another_action_than_the_wanted_one_is_told_bad_action(site: Site) -> None:
    vim = await site.register(EMBEDDED)

    called = await site.old.call(vim_id=vim.id, status="REACHABLE", action_id=str(uuid4()))

    assert called["answer"] == "bad_action"
    assert (await site.client.get(vim.id)).status == Vim.PENDING


async def test_a_new_target_fences_the_action_of_the_old_one(site: Site) -> None:
    vim = await site.register(EMBEDDED)
    first = vim.monitor.action_id
    changed = await site.change(vim, auth_url="http://127.0.0.1:5001/v3")

    late = await site.old.call(vim_id=vim.id, status="UNREACHABLE", action_id=first)
    new = await site.old.call(vim_id=vim.id, status="REACHABLE", action_id=changed.monitor.action_id)

    assert (late["answer"], new["answer"]) == ("bad_action", "REACHABLE")
    assert (await site.client.get(vim.id)).status == Vim.REACHABLE


async def test_a_deregistered_vim_wants_no_action(site: Site) -> None:
    vim = await site.register(EMBEDDED)
    await site.client.deregister(vim.id)

    called = await site.old.call(vim_id=vim.id, status="REACHABLE", action_id=vim.monitor.action_id)

    assert called["answer"] == "bad_action"


@pytest.mark.parametrize(
    ("options", "method", "arguments", "error"),
    [
        ({}, "delete_vim", {}, "NoSuchMethod"),
        ({"version": "1.1"}, "update_vim", {}, "UnsupportedVersion"),
        ({"version": "2.0"}, "update_vim", {}, "UnsupportedVersion"),
        ({"namespace": "other"}, "update_vim", {}, "UnsupportedVersion"),
        ({}, "update_vim", {"reason": "x"}, "TypeError"),
        ({}, "update_vim", {"vim_id": 7}, "BadReport"),
        ({}, "update_vim", {"vim_id": "no-uuid"}, "BadReport"),
        ({}, "update_vim", {"status": "BANANA"}, "BadReport"),
        ({}, "update_vim", {"status": "PENDING"}, "BadReport"),
    ],
)
async def test_what_cannot_be_served_is_an_error_at_the_caller(
    site: Site, options: dict[str, object], method: str, arguments: dict[str, object], error: str
) -> None:
    known = {"vim_id": str(uuid4()), "status": "REACHABLE", "action_id": str(uuid4())}

    called = await site.old.call_with(options, method, **(known | arguments))

    assert called["error"] == error, called


async def test_missing_arguments_are_named(site: Site) -> None:
    called = await site.old.call(vim_id=str(uuid4()))

    assert called["error"] == "TypeError"
    assert "status" in called["why"]


async def test_what_the_context_says_does_not_matter(site: Site) -> None:
    vim = await site.register(EMBEDDED)
    options = {"context": {"user": None, "roles": ["x"], "nobody_knows": {"this": 1}}, "version": "1.0"}

    called = await site.old.call_with(options, vim_id=vim.id, status="REACHABLE", action_id=vim.monitor.action_id)

    assert called["answer"] == "REACHABLE"


async def test_a_cast_is_served_without_an_answer(site: Site) -> None:
    vim = await site.register(EMBEDDED)

    await site.old.call_with({"cast": True}, vim_id=vim.id, status="UNREACHABLE", action_id=vim.monitor.action_id)

    await site.until(vim, Vim.UNREACHABLE)


async def test_a_cast_without_action_id_is_served_too(site: Site) -> None:
    vim = await site.register()

    await site.old.call_with({"cast": True}, vim_id=vim.id, status="UNREACHABLE")

    await site.until(vim, Vim.UNREACHABLE)


async def test_an_action_that_cannot_be_killed_ends_by_an_error(site: Site) -> None:
    called = await site.old.call(vim_id=str(uuid4()), status="REACHABLE")

    assert called["error"] == "NotWanted"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{}",
        b'{"oslo.version": "9.0", "oslo.message": "{}"}',
        b'{"oslo.version": "2.0", "oslo.message": 7}',
        b'{"oslo.version": "2.0", "oslo.message": "["}',
        b'{"oslo.version": "2.0", "oslo.message": "[]"}',
        b'{"oslo.version": "2.0", "oslo.message": "{\\"method\\": 7, \\"args\\": 7}"}',
        b"[" * 100_000,
    ],
)
async def test_what_is_no_call_is_dropped_and_disturbs_nobody(site: Site, bridge: Bridge, body: bytes) -> None:
    dropped = bridge.said("not a call", "call failed")
    url = site.broker.url.replace("rabbit://", "amqp://")
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        exchange = await channel.get_exchange("tacker")
        await exchange.publish(aio_pika.Message(body), routing_key="TACKER_CONDUCTOR")
        await until(lambda: bridge.said("not a call", "call failed") > dropped, PATIENCE_S)
        asked = await site.old.call(vim_id=str(uuid4()), status="REACHABLE", action_id="a")
        left = await channel.declare_queue("TACKER_CONDUCTOR", passive=True)

    assert asked["answer"] == "bad_action"
    assert left.declaration_result.message_count == 0


async def test_many_callers_at_once_are_all_answered(site: Site) -> None:
    vim = await site.register(EMBEDDED)
    asked = [
        site.old.call(vim_id=vim.id, status=status, action_id=vim.monitor.action_id)
        for status in ("REACHABLE", "UNREACHABLE") * 32
    ]

    answers = await asyncio.gather(*asked)

    assert all("answer" in answer for answer in answers)
