"""What an operator reads in the log of a bridge."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.bridge.bridges import Bridge, administer, running_bridge
from tests.bridge.site import PATIENCE_S, Site, Vim
from tests.support.amqp.oslo_client import shipped_action
from tests.support.timing.waiting import until
from vimesh.v1 import vim_pb2

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMBEDDED = vim_pb2.Monitor.EMBEDDED


async def test_it_begins_with_the_settings_that_count(site: Site) -> None:
    async with site.bridge("--hold", "1500ms", "--policy", "embedded=adopt") as bridge:
        (line,) = [line for line in bridge.log.read_text().splitlines() if "bridge started" in line]

    assert "hold=1.5s" in line
    assert "embedded=adopt,mistral=reject,external=reject" in line
    assert "virtual_host=/" in line


async def test_it_says_what_a_file_of_tacker_sets_and_serves_by_it(site: Site, tmp_path: Path) -> None:
    vim = await site.register()
    name = str(uuid4())
    await administer(site.broker, "add_vhost", name)
    await administer(site.broker, "set_permissions", "-p", name, "guest", ".*", ".*", ".*")
    (tmp_path / "tacker.conf").write_text(
        f"[DEFAULT]\ntransport_url = {site.broker.url}{name}\n[oslo_messaging_rabbit]\nrabbit_quorum_queue = true\n"
    )
    flags = ("--config-file", str(tmp_path / "tacker.conf"), "--hold", "0")

    async with running_bridge(tmp_path, site.address, "", *flags) as bridge:
        async with shipped_action(
            tmp_path, f"{site.broker.url}{name}", vim.id, "127.0.0.1", rabbit_quorum_queue="true"
        ) as action:
            await site.until(vim, Vim.REACHABLE)
            await site.client.deregister(vim.id)
            ended = await action.ended(vim.id)
        (line,) = [line for line in bridge.log.read_text().splitlines() if "bridge started" in line]

    assert ended["result"] == "KILLED"
    assert f"virtual_host={name}" in line
    assert f"config_files={tmp_path}/tacker.conf" in line
    assert "durable=true" in line
    assert "x-queue-type=quorum" in line
    assert not bridge.said("lost")


@pytest.mark.parametrize("there", [False, True], ids=["missing", "not-allowed"])
async def test_a_virtual_host_that_cannot_be_used_is_told_in_the_words_of_the_broker(
    site: Site, *, there: bool
) -> None:
    name = str(uuid4())
    if there:
        await administer(site.broker, "add_vhost", name)
        says = f"530 NOT_ALLOWED - access to vhost '{name}' refused for user 'guest': rabbitmqctl set_permissions"
    else:
        says = f"530 NOT_ALLOWED - vhost {name} not found: the virtual host is the path of transport_url"
    async with running_bridge(site.folder, site.address, f"{site.broker.url}{name}", ready=says) as bridge:
        # It goes on to try: somebody mends that.
        if not there:
            await administer(site.broker, "add_vhost", name)
        await administer(site.broker, "set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        await until(lambda: bridge.said("calls are taken") == 1, PATIENCE_S)


async def test_a_kill_by_the_watch_says_what_happened_to_the_vim(site: Site, bridge: Bridge) -> None:
    deregistered, moved, changed = [await site.register() for _ in range(3)]
    for vim in (deregistered, moved, changed):
        await site.old.start(vim.id)
        await site.until(vim, Vim.REACHABLE)

    await site.client.deregister(deregistered.id)
    await site.change(moved, engine=EMBEDDED)
    await site.change(changed, auth_url="http://127.0.0.1:5001/v3")

    for vim, why in ((deregistered, "deregistered"), (moved, "moved"), (changed, "new-target")):
        assert (await site.old.ended(vim.id))["result"] == "KILLED"
        first = bridge.kills_of(vim.id)[0]
        assert f"vim_id={vim.id} why={why} " in first
        assert "level=info" in first


async def test_a_kill_for_a_report_says_why_it_does_not_count(site: Site, bridge: Bridge) -> None:
    elsewhere, changed = await site.register(EMBEDDED), await site.register()
    await site.change(changed, auth_url="http://127.0.0.1:5001/v3")

    for vim, why in ((elsewhere, "policy-reject"), (changed, "new-target")):
        await site.old.start(vim.id)
        assert (await site.old.ended(vim.id))["result"] == "KILLED"
        assert f"vim_id={vim.id} why={why} " in bridge.kills_of(vim.id)[0]


async def test_an_action_of_an_unknown_vim_is_warned_of(site: Site, bridge: Bridge) -> None:
    killed, deaf = str(uuid4()), str(uuid4())

    await site.old.start(killed)
    await site.old.ended(killed)
    await site.old.call(vim_id=deaf, status="REACHABLE")

    lines = [*bridge.kills_of(killed)[:1], *(line for line in bridge.log.read_text().splitlines() if deaf in line)]
    warned = [line for line in lines if "level=warning" in line and "why=unknown-vim" in line]
    assert [killed in warned[0], deaf in warned[1], len(warned)] == [True, True, 2]
    assert all("the fleet has no such VIM" in line for line in warned)


async def test_what_became_unwanted_while_the_bridge_was_down_does_not_kill_who_is_wanted_again(site: Site) -> None:
    vim, other = await site.register(), await site.register()
    async with site.bridge() as bridge:
        await site.old.start(other.id)
        await site.until(other, Vim.REACHABLE)
        await bridge.stop()
        # The id of the action in between is unwanted, too.
        await site.change(vim, auth_url="http://127.0.0.1:5001/v3")
        await site.change(vim, engine=EMBEDDED)
        back = await site.change(vim, engine=vim_pb2.Monitor.EXTERNAL)
        await site.client.deregister(other.id)
        await site.old.start(vim.id)
        await bridge.start()

        await site.until(vim, Vim.REACHABLE)
        await site.old.ended(other.id)

        assert back.monitor.action_id == vim.id
        assert not bridge.kills_of(vim.id)
        await site.client.deregister(vim.id)
        await site.old.ended(vim.id)
