"""Ping actions in Mistral, end to end: what people see of them there, and what becomes of them when parts of it die."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.api.processes import audit
from tests.fleet.mistral_site import LEASE_S, PATIENCE_S, MistralSite, Vim, hosts, mistral_site
from tests.support.clouds.targets import FakeApi, fake_api
from tests.support.deployments.conductors import report_on
from tests.support.mistral.stock_mistral import API, EXECUTORS
from tests.support.timing.waiting import until
from vimesh.domain.actions import workflow_name
from vimesh.engine.workflow import ACTION, TASK
from vimesh.v1 import vim_pb2

pytestmark = [pytest.mark.fleet, pytest.mark.alone, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

Monitor = vim_pb2.Monitor
ROUNDS = 3
TELLING_S = 3.0
"""The conductors look for ended leases every 1.5 s at the latest; the rest is for a busy machine."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[MistralSite]:
    async with mistral_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(shared: MistralSite) -> AsyncGenerator[MistralSite]:
    yield shared
    await shared.clear()
    assert shared.mistral.lines("Traceback") == []
    assert "Traceback" not in shared.fleet.log.read_text()


@pytest_asyncio.fixture(loop_scope="module")
async def endpoint() -> AsyncGenerator[FakeApi]:
    async with fake_api("0.0.0.0") as made:
        yield made


async def some_rounds(of: FakeApi) -> None:
    """Wait until an endpoint that is probed as often as all the others has been asked a few times more."""
    await of.asked(len(of.requests) + ROUNDS)


async def test_a_vim_is_a_workflow_that_people_see_running_until_it_is_deregistered(
    site: MistralSite, endpoint: FakeApi
) -> None:
    async with fake_api() as elsewhere:
        vim, other = await site.register(endpoint), await site.register(elsewhere)
        await site.until_reachable(vim, other)
        name = workflow_name(vim.id)

        assert name in {row["Name"] for row in await site.view.command("workflow-list")}
        [execution] = [row for row in await site.view.command("execution-list") if row["Workflow name"] == name]
        assert (execution["ID"], execution["State"]) == (vim.monitor.action_id, "RUNNING")
        [task] = await site.view.command("task-list", execution["ID"])
        assert (task["Name"], task["Workflow name"], task["State"]) == (TASK, name, "RUNNING")
        [action] = await site.view.command("action-execution-list", task["ID"])
        assert (action["Name"], action["State"]) == (ACTION, "RUNNING")
        now = await site.client.get(vim.id)
        assert (now.status, now.monitor.state, now.monitor.engine) == (Vim.REACHABLE, Monitor.RUNNING, Monitor.MISTRAL)

        await site.client.deregister(vim.id)
        await site.until_mistral_has(other)

        assert [row["Name"] for row in await site.view.command("workflow-list")] == [workflow_name(other.id)]
        assert [row["ID"] for row in await site.view.command("execution-list")] == [other.monitor.action_id]
        assert [row["Workflow name"] for row in await site.view.command("task-list")] == [workflow_name(other.id)]
        assert len(site.exits(vim)) == 1
        asked = len(endpoint.requests)
        await some_rounds(elsewhere)
        assert len(endpoint.requests) == asked


async def test_a_new_auth_url_is_probed_by_a_new_action_and_the_old_one_writes_nothing_more(
    site: MistralSite, endpoint: FakeApi
) -> None:
    async with fake_api() as old:
        vim = await site.register(old)
        await site.until_reachable(vim)

        moved = await site.change(vim, endpoint.url.replace("0.0.0.0", "127.0.0.1"))
        # What the old action would have to say now is not true of the new endpoint.
        await old.refuse()
        stale = await site.client.conductor.UpdateVim(report_on(vim, Vim.UNREACHABLE, 1 << 40), timeout=30)
        assert stale.WhichOneof("outcome") == "bad_action"
        await site.until_reachable(moved)
        await site.until_mistral_has(moved)

        assert moved.monitor.action_id != vim.monitor.action_id
        assert len(site.exits(vim)) == 1
        await old.listen()
        asked = len(old.requests)
        await some_rounds(endpoint)
        assert len(old.requests) == asked
        assert site.seen.history(vim.id) == ["PENDING", "REACHABLE", "PENDING", "REACHABLE"]
        after = site.events(vim, after=moved.revision)
        assert {event.action_id for event in after} == {moved.monitor.action_id}


async def test_while_mistrals_api_is_down_vims_say_why_they_wait_and_nothing_is_lost(
    site: MistralSite, endpoint: FakeApi
) -> None:
    async with fake_api() as old:
        kept, modified, gone = [await site.register(at) for at in (endpoint, old, endpoint)]
        await site.until_reachable(kept, modified, gone)
        await site.until_mistral_has(kept, modified, gone)

        await site.mistral.kill(API)
        began = site.seen.events[-1].revision
        new = await site.register(endpoint)
        moved = await site.change(modified, endpoint.url.replace("0.0.0.0", "127.0.0.1"))
        await site.client.deregister(gone.id)

        for vim in (new, moved):
            waiting = await site.until(vim, lambda vim: bool(vim.monitor.last_error))
            assert waiting.monitor.last_error == f"Mistral at {site.mistral.url}: cannot connect"
            assert (waiting.status, waiting.monitor.state) == (Vim.PENDING, Monitor.WAITING)
        await until(lambda: len(site.exits(modified)) == len(site.exits(gone)) == 1, PATIENCE_S)
        await some_rounds(endpoint)
        assert site.events(kept, after=began) == []

        await site.mistral.start(API)
        await site.until_reachable(new, moved)
        await site.until_mistral_has(kept, new, moved)

        for vim in (kept, new, moved):
            now = await site.client.get(vim.id)
            assert (now.status, now.monitor.state, now.monitor.last_error) == (Vim.REACHABLE, Monitor.RUNNING, "")
            assert now.monitor.action_id == vim.monitor.action_id


async def test_what_a_killed_executor_ran_is_unknown_within_the_lease_and_is_run_by_the_other_one(
    site: MistralSite, endpoint: FakeApi, tmp_path: Path
) -> None:
    vims = {f"127.1.0.{number}": await site.register(endpoint, number) for number in range(1, 9)}
    await site.until_reachable(*vims.values())
    await site.until_mistral_has(*vims.values())

    began, killed = site.seen.events[-1].revision, time.time()
    await site.mistral.kill(EXECUTORS[0])
    asked = len(endpoint.requests)

    def all_are_probed() -> bool:
        """One request of an action that was killed may have been under way."""
        counted = hosts(endpoint.requests[asked:])
        return all(counted[host] >= ROUNDS for host in vims)

    # Leases end one by one: the first may be replaced, and be well again, before the last one ends.
    await until(all_are_probed, PATIENCE_S)
    await site.seen.until(lambda: all(site.seen.status[vim.id] == Vim.REACHABLE for vim in vims.values()), PATIENCE_S)
    now = await site.listed()
    await site.until_mistral_has(*now)

    assert not site.mistral.runs(EXECUTORS[0])
    assert {vim.id for vim in now} == {vim.id for vim in vims.values()}
    before = {vim.id: vim.monitor.action_id for vim in vims.values()}
    replaced = {vim.id for vim in now if vim.monitor.action_id != before[vim.id]}
    assert 0 < len(replaced) < len(vims)
    changes = [event for event in site.seen.events if event.revision > began]
    silences = [event for event in changes if (event.status, event.reason) == (Vim.UNKNOWN, "SILENT")]
    assert {event.vim_id for event in changes} == {event.vim_id for event in silences} == replaced
    # The database is on this machine: its clock is ours.
    assert max(event.time.ToNanoseconds() / 1e9 for event in silences) <= killed + LEASE_S + TELLING_S
    assert [vim.id for vim in vims.values() if site.exits(vim)] == [], "the action of a VIM that was replaced still ran"
    assert await audit(tmp_path, site.fleet.address, site.mistral.url) == (0, [])
