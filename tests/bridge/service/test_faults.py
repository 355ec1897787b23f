"""What goes away and comes back: the broker, a bridge, the conductors. A living action never pays for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.bridge.bridges import running_bridge
from tests.bridge.site import PATIENCE_S, SETTINGS, Site, Vim
from tests.support.clouds.targets import free_port
from tests.support.deployments.conductors import conductor_at
from tests.support.timing.waiting import eventually, until
from vimesh.conductor.conductor_process import ConductorSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

_CALLERS = 32


async def test_no_call_is_lost_when_a_bridge_is_killed(site: Site) -> None:
    vims = [await site.register() for _ in range(_CALLERS)]
    async with site.bridge() as first:
        calls = [asyncio.create_task(site.old.call(vim_id=vim.id, status="REACHABLE")) for vim in vims]
        for vim in vims:
            await site.until(vim, Vim.REACHABLE)  # recorded; the answers are held
        async with site.bridge():
            await first.kill()

            answers = await asyncio.gather(*calls)
            await first.start()

    assert {answer.get("answer") for answer in answers} == {"PENDING"}


async def test_a_broker_that_restarts_fails_calls_at_worst_and_actions_go_on(site: Site) -> None:
    vim = await site.register()
    old_id = str(uuid4())
    async with site.bridge() as bridge:
        calls = [
            asyncio.create_task(
                site.old.call_with(
                    {"timeout_s": 15}, vim_id=vim.id, status="REACHABLE", action_id=vim.monitor.action_id
                )
            )
            for _ in range(_CALLERS)
        ]
        await site.broker.kill()
        await site.broker.start()
        ended = await asyncio.gather(*calls)
        await until(lambda: bridge.said("broker back") == 1, PATIENCE_S)

        assert all("answer" in each or "error" in each for each in ended)
        assert not any(each.get("answer") == "bad_action" for each in ended)
        assert bridge.said("broker lost") == 1

        async def served_again() -> bool:
            options = {"timeout_s": 5}
            called = await site.old.call_with(options, vim_id=vim.id, status="UNREACHABLE", action_id=vim.id)
            return called.get("answer") == "UNREACHABLE"

        await eventually(served_again, PATIENCE_S)
        # Kills work on the new connection, too.
        await site.old.start(old_id)
        assert (await site.old.ended(old_id))["result"] == "KILLED"
    await site.client.deregister(vim.id)


@pytest.mark.timeout(120)
async def test_without_conductors_a_call_ends_by_an_error_and_never_as_bad_action(site: Site, tmp_path: Path) -> None:
    async with _own_front(site, tmp_path) as (port, database):
        arguments = {"vim_id": str(uuid4()), "status": "REACHABLE"}
        named = site.old.call_with({"timeout_s": 4}, **arguments, action_id="a")
        unnamed = site.old.call_with({"timeout_s": 4}, **arguments)
        for called in await asyncio.gather(named, unnamed):
            assert called["error"] == "ConductorsAway", called
            assert called["after_s"] < 4

        patient = asyncio.create_task(site.old.call_with({"timeout_s": 40}, **arguments, action_id="a"))
        settings = ConductorSettings(
            listen=f"127.0.0.1:{port}", contact_within_s=SETTINGS.contact_within_s, drain_s=0, grace_s=1
        )
        async with conductor_at(database, settings):
            called = await patient

    assert called["answer"] == "bad_action"  # the conductor says so: it has no such VIM


@asynccontextmanager
async def _own_front(site: Site, folder: Path) -> AsyncGenerator[tuple[int, Path]]:
    """Run a bridge that has no conductor yet."""
    port = free_port()
    async with AsyncExitStack() as parts:
        await parts.enter_async_context(running_bridge(folder, f"127.0.0.1:{port}", site.broker.url))
        yield port, folder / "late.sqlite"
