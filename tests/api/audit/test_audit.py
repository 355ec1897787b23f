"""The audit, over a conductor and a Mistral that were left without an api process."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.processes import api_process, audit
from tests.api.site import Site
from vimesh.domain.actions import workflow_name
from vimesh.engine.workflow import definition
from vimesh.v1 import vim_pb2

CLEAN, FOUND, UNAVAILABLE = 0, 4, 5
NOBODY = "http://127.0.0.1:1/v3"
pytestmark = pytest.mark.timeout(120)


async def audited(site: Site, *flags: str) -> tuple[int, Any]:
    code, rows = await audit(site.folder, site.client.address, site.mistral.url, *flags)
    return code, [(row["finding"], row["vim_id"], row["action_id"], row["repair"]) for row in rows]


async def test_a_missing_execution_is_found_and_started(site: Site) -> None:
    vim = await site.client.register(auth_url=NOBODY)
    missing = ("MISSING", vim.id, vim.monitor.action_id)

    assert await audited(site) == (FOUND, [(*missing, "")])
    assert await audited(site, "--repair") == (CLEAN, [(*missing, "done")])

    await site.until(vim.id, lambda vim: vim.status == vim_pb2.Vim.UNREACHABLE)
    assert await audited(site) == (CLEAN, [])


async def test_a_repair_and_an_api_process_do_not_disturb_each_other(site: Site) -> None:
    vims = [await site.client.register(auth_url=NOBODY) for _ in range(5)]
    async with api_process(site.folder, site.client.address, site.mistral.url):
        code, _ = await audited(site, "--repair")
        for vim in vims:
            await site.until(vim.id, lambda vim: vim.status == vim_pb2.Vim.UNREACHABLE)

    assert code in {CLEAN, FOUND}
    assert site.executions() == {vim.monitor.action_id: "RUNNING" for vim in vims}


async def test_what_is_left_of_a_vim_that_is_gone_is_found_and_removed(site: Site) -> None:
    vim = await site.client.register(auth_url=NOBODY)
    await audited(site, "--repair")
    await site.until(vim.id, lambda vim: vim.status == vim_pb2.Vim.UNREACHABLE)
    await site.client.deregister(vim.id)
    bare = str(uuid4())
    site.workflows.workflows.create(definition(bare))
    foreign = site.workflows.workflows.create("version: '2.0'\nvim_id_mine:\n  tasks: {t: {action: std.noop}}\n")[0]

    code, rows = await audited(site)
    assert code == FOUND
    assert set(rows) == {("ORPHAN", vim.id, vim.monitor.action_id, ""), ("ORPHAN", bare, "", "")}

    code, rows = await audited(site, "--repair")
    assert (code, {row[3] for row in rows}) == (CLEAN, {"done"})
    assert site.left() == [foreign.id]


async def test_an_execution_that_ended_is_found_and_started_anew(site: Site) -> None:
    vim = await site.client.register(auth_url=NOBODY)
    await audited(site, "--repair")
    site.workflows.executions.update(vim.monitor.action_id, "ERROR")
    dead = ("DEAD", vim.id, vim.monitor.action_id)

    assert await audited(site) == (FOUND, [(*dead, "")])
    assert await audited(site, "--repair") == (CLEAN, [(*dead, "done")])
    assert site.executions() == {vim.monitor.action_id: "RUNNING"}


async def test_an_execution_that_is_not_the_wanted_one_is_found_and_removed(site: Site) -> None:
    vim = await site.client.register(auth_url=NOBODY)
    await audited(site, "--repair")
    told = site.workflows.executions.get(vim.monitor.action_id).input
    old = str(uuid4())
    site.workflows.executions.create(workflow_name(vim.id), workflow_input=told.replace(vim.monitor.action_id, old))

    assert await audited(site) == (FOUND, [("ZOMBIE", vim.id, old, "")])
    assert await audited(site, "--repair") == (CLEAN, [("ZOMBIE", vim.id, old, "done")])
    assert site.executions() == {vim.monitor.action_id: "RUNNING"}


async def test_a_mistral_that_is_away_is_said(site: Site) -> None:
    code, rows = await audit(site.folder, site.client.address, "http://127.0.0.1:1/v2")

    assert (code, rows) == (UNAVAILABLE, None)
