"""What is denied is never connected to, whatever a name means by now."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator

import pytest

from tests.support.networks.name_server import SILENT, Kind, NameServer, name_server
from tests.support.notifier.loopback_guard import guarding
from tests.support.notifier.scripted_http import ScriptedHttp, scripted_http
from tests.support.notifier.told_changes import change, notification
from vimesh.domain.notifications.targets import AlertmanagerTarget
from vimesh.notifier.senders.open_sender import open_sender
from vimesh.notifier.senders.sender import SendDelayed, SendRefused
from vimesh.notifier.senders.target_guard import TargetDenied, TargetGuard
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import NOTIFICATIONS, TargetRules

NAME = "receiver.example"
ONLY_FIVE = TargetRules(allow=parse_networks("127.0.1.5"), purpose=NOTIFICATIONS)


@pytest.fixture
def names() -> Generator[NameServer]:
    with name_server() as serving:
        yield serving


@pytest.fixture
async def server() -> AsyncGenerator[ScriptedHttp]:
    async with scripted_http(host="0.0.0.0") as made:
        yield made


async def send(guard: TargetGuard, url: str) -> None:
    sender = open_sender(AlertmanagerTarget((url,)), guard=guard, repeat_interval_s=0.0)
    try:
        await sender.send(notification(change()))
    finally:
        await sender.close()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::ffff:127.0.0.1]", "localhost"]
)
async def test_no_spelling_of_a_denied_address_is_connected_to(server: ScriptedHttp, host: str) -> None:
    async with guarding(ONLY_FIVE) as guard:
        with pytest.raises(
            SendRefused if host not in {"127.1", "2130706433", "0x7f000001"} else (SendRefused, SendDelayed)
        ):
            await send(guard, f"http://{host}:{server.port}")

    assert not server.connections


async def test_the_refusal_names_the_rule_and_not_the_address(server: ScriptedHttp) -> None:
    async with guarding(TargetRules(deny=parse_networks("127.0.0.0/8"), purpose=NOTIFICATIONS)) as guard:
        with pytest.raises(SendRefused) as raised:
            await send(guard, f"http://127.0.1.5:{server.port}")

    assert str(raised.value) == (
        "the rule target_deny 127.0.0.0/8 forbids to notify this address; give the receiver another address, "
        "or have the rule changed"
    )


async def test_the_fleet_itself_is_not_notified() -> None:
    guard = TargetGuard(TargetRules(purpose=NOTIFICATIONS), frozenset({socket.inet_aton("192.0.2.1")}))

    with pytest.raises(TargetDenied, match="the fleet's own addresses are not notified unless target_allow names them"):
        guard.check("192.0.2.1")


async def test_a_name_that_moved_to_a_denied_address_is_not_followed(names: NameServer, server: ScriptedHttp) -> None:
    async with guarding(ONLY_FIVE, names) as guard:
        names.serve(NAME, "127.0.1.5", ttl_s=0)
        await send(guard, f"http://{NAME}:{server.port}")
        assert server.connections == 1

        names.serve(NAME, "127.0.0.1", ttl_s=0)
        with pytest.raises(SendRefused, match="loopback addresses are not notified unless target_allow names them"):
            await send(guard, f"http://{NAME}:{server.port}")

    assert server.connections == 1


async def test_of_several_addresses_only_those_allowed_are_used(names: NameServer, server: ScriptedHttp) -> None:
    async with guarding(ONLY_FIVE, names) as guard:
        names.serve(NAME, "127.0.0.1", "127.0.1.5", "::1")

        found = await guard.look_up(NAME, 80)
        await send(guard, f"http://{NAME}:{server.port}")

    assert {address[0] for _, address in found} == {"127.0.1.5"}
    assert server.connections == 1


async def test_a_socket_is_judged_though_the_name_was_before(names: NameServer) -> None:
    async with guarding(ONLY_FIVE, names) as guard:
        with pytest.raises(TargetDenied):
            guard.open_socket(socket.AF_INET, ("127.0.0.1", 80))


async def test_a_name_without_address_delays_it(names: NameServer) -> None:
    async with guarding(ONLY_FIVE, names) as guard:
        with pytest.raises(SendDelayed, match="cannot be looked up"):
            await send(guard, f"http://{NAME}:80")


async def test_a_silent_name_server_delays_nobody_else(names: NameServer, server: ScriptedHttp) -> None:
    names.script(NAME, a=SILENT, aaaa=SILENT)
    names.serve("other.example", "127.0.1.5")
    async with guarding(ONLY_FIVE, names) as guard:
        waiting = [asyncio.create_task(send(guard, f"http://{NAME}:80")) for _ in range(50)]
        try:
            await asyncio.to_thread(names.await_question, NAME, Kind.A)
            await send(guard, f"http://other.example:{server.port}")
            assert not any(task.done() for task in waiting)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    assert server.connections == 1


async def test_a_host_is_connected_to_behind_the_guard(names: NameServer, server: ScriptedHttp) -> None:
    names.serve(NAME, "127.0.0.1", "127.0.1.5")
    async with guarding(ONLY_FIVE, names) as guard:
        connected = await guard.connect(NAME, server.port)
        assert connected.getpeername() == ("127.0.1.5", server.port)
        connected.close()

        with pytest.raises(TargetDenied):
            await guard.connect("127.0.0.1", server.port)
