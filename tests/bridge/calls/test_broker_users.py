"""With a mapping, a user of the broker reports on VIMs of its own projects only; RabbitMQ proves who it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from uuid import uuid4

import aio_pika
import pytest
import pytest_asyncio
from aiormq.exceptions import ChannelPreconditionFailed

from tests.bridge.bridges import Bridge, administer
from tests.bridge.site import EXTERNAL, PATIENCE_S, Site, Vim
from vimesh.bridge.amqp.delivery_properties import DeliveryProperties, parse_properties
from vimesh.bridge.calls.broker_users import parse_broker_users
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

module_loop = pytest.mark.asyncio(loop_scope="module")

LOST = "reports on a VIM of another project"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge(site: Site) -> AsyncGenerator[Bridge]:
    everything = '<<".*">>, <<".*">>, <<".*">>, <<"test">>'
    # In one command: each takes most of a second, and several on a busy machine.
    added = (
        f'rabbit_auth_backend_internal:add_user(<<"{user}">>, <<"{user}">>, <<"test">>), '
        f'rabbit_auth_backend_internal:set_permissions(<<"{user}">>, <<"/">>, {everything})'
        for user in ("tenant-a", "tacker", "stranger")
    )
    await administer(site.broker, "eval", f"{', '.join(added)}.")
    users = ("tenant-a=a", "tenant-a=a2", "tacker=*")
    async with site.bridge(*(word for user in users for word in ("--broker-user", user))) as running:
        yield running


async def register(site: Site, project_id: str) -> vim_pb2.Vim:
    vim = Vim(name=f"vim-{uuid4()}", type="openstack", auth_url="http://127.0.0.1:5000/v3", project_id=project_id)
    return (await site.client.vims.RegisterVim(pb.RegisterVimRequest(vim=vim, engine=EXTERNAL), timeout=30)).vim


async def call(site: Site, user: str, claimed: str | None, vim_id: str, action_id: str | None) -> tuple[str, str]:
    """Call as a user of the broker; return the answer and the class of the error, each empty if there is none."""
    url = site.broker.url.replace("rabbit://guest:guest", f"amqp://{user}:{user}")
    arguments = {"vim_id": vim_id, "status": "REACHABLE"} | ({"action_id": action_id} if action_id else {})
    async with asyncio.timeout(PATIENCE_S), await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        replies = await channel.declare_queue(f"reply_{uuid4().hex}", exclusive=True)
        inner = {"method": "update_vim", "args": arguments, "version": "1.0"}
        inner |= {"_msg_id": uuid4().hex, "_reply_q": replies.name}
        body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}).encode()
        exchange = await channel.get_exchange("tacker")
        await exchange.publish(aio_pika.Message(body, user_id=claimed), routing_key="TACKER_CONDUCTOR")
        async with replies.iterator() as answers:
            async for message in answers:
                answer = json.loads(json.loads(message.body)["oslo.message"])
                failure = json.loads(answer["failure"])["class"] if answer["failure"] else ""
                return answer["result"] or "", failure
    raise AssertionError("the queue of replies is gone")


@module_loop
@pytest.mark.parametrize(
    ("user", "project_id", "answers"),
    [
        ("tenant-a", "a", (("REACHABLE", ""), ("PENDING", ""))),
        ("tenant-a", "a2", (("REACHABLE", ""), ("PENDING", ""))),
        ("tacker", "b", (("REACHABLE", ""), ("PENDING", ""))),
        ("tenant-a", "b", (("bad_action", ""), ("", "NotWanted"))),
        ("stranger", "a", (("", "NotPermitted"), ("", "NotPermitted"))),
    ],
)
async def test_a_user_reports_on_vims_of_its_projects(
    site: Site, bridge: Bridge, user: str, project_id: str, answers: tuple[tuple[str, str], tuple[str, str]]
) -> None:
    """The answers to a call with an action id, and to one without."""
    named, unnamed = answers
    vim = await register(site, project_id)
    lines = bridge.said(LOST)

    assert await call(site, user, user, vim.id, vim.monitor.action_id) == named
    assert await call(site, user, user, vim.id, None) == unnamed

    expected = Vim.REACHABLE if named[0] == "REACHABLE" else Vim.PENDING
    assert (await site.client.get(vim.id)).status == expected
    assert bridge.said(LOST) == lines + (2 if named[0] == "bad_action" else 0)
    assert not bridge.kills_of(vim.id)


@module_loop
async def test_who_does_not_say_who_it_is_is_refused_and_nobody_says_to_be_another(site: Site, bridge: Bridge) -> None:
    vim = await register(site, "a")

    assert await call(site, "tenant-a", None, vim.id, vim.monitor.action_id) == ("", "NotPermitted")
    assert bridge.said("the user '' of the broker has no project here")
    with pytest.raises(ChannelPreconditionFailed, match="user_id"):
        await call(site, "stranger", "tenant-a", vim.id, vim.monitor.action_id)
    assert (await site.client.get(vim.id)).status == Vim.PENDING


@module_loop
@pytest.mark.usefixtures("bridge")
async def test_a_vim_that_does_not_exist_is_answered_as_ever(site: Site) -> None:
    assert await call(site, "tenant-a", "tenant-a", str(uuid4()), str(uuid4())) == ("bad_action", "")


@module_loop
@pytest.mark.usefixtures("bridge")
async def test_callers_of_oslo_messaging_do_not_say_who_they_are(site: Site) -> None:
    """Its clients never set the property: for them there are virtual hosts."""
    vim = await register(site, "a")

    called = await site.old.call(vim_id=vim.id, status="REACHABLE", action_id=vim.monitor.action_id)

    assert called["error"] == "NotPermitted"


def properties(*values: tuple[int, bytes]) -> bytes:
    flags = sum(flag for flag, _ in values)
    return flags.to_bytes(2, "big") + b"".join(value for _, value in values)


def short(text: bytes) -> bytes:
    return bytes((len(text),)) + text


@pytest.mark.parametrize(
    ("user", "read"),
    [
        (b"tenant-a", b"tenant-a"),
        ("tenant-é".encode(), "tenant-é".encode()),
        (b"u" * 255, b"u" * 255),
        (b"\xff\xfe", b""),
        (b"a\nb", b""),
    ],
)
def test_a_user_is_read_whole_or_not_at_all(user: bytes, read: bytes) -> None:
    before = (
        (0x8000, short(b"text/plain")),
        (0x2000, b"\0\0\0\0"),
        (0x1000, b"\2"),
        (0x0800, b"\0"),
        (0x0400, short(b"c")),
    )
    after = ((0x0100, short(b"60000")), (0x0080, short(b"m")), (0x0040, bytes(8)), (0x0020, short(b"t")))
    payload = properties(*before, *after, (0x0010, short(user)), (0x0008, short(b"app")))

    found = parse_properties(payload)

    assert found == DeliveryProperties(content_type=b"text/plain", expiration=b"60000", user_id=read)
    assert parse_properties(found.on_wire()) == found
    assert parse_properties(properties((0x0010, short(user)))).user_id == read


def test_users_have_the_projects_of_all_their_pairs() -> None:
    users = parse_broker_users("tenant-a=a, tacker=*,tenant-a=a2,")

    assert users.projects_of("tenant-a") == frozenset({"a", "a2"})
    assert users.projects_of("tacker") == frozenset({"*"})
    assert users.projects_of("") is None
    for text in ("a", "=a", "a=", "['a=b']", ","):
        with pytest.raises(ValueError, match="must be"):
            parse_broker_users(text)
