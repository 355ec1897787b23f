"""What a report without action id means on a VIM whose action runs elsewhere."""

from __future__ import annotations

import pytest

from tests.bridge.site import PATIENCE_S, Site, Vim
from vimesh.v1 import vim_pb2

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMBEDDED = vim_pb2.Monitor.EMBEDDED


async def test_it_is_rejected_by_default_and_its_action_killed(site: Site) -> None:
    vim = await site.register(EMBEDDED)
    async with site.bridge():
        await site.old.start(vim.id)

        assert (await site.old.ended(vim.id))["result"] == "KILLED"

    assert (await site.client.get(vim.id)).status == Vim.PENDING


async def test_an_adopted_action_gets_the_vim(site: Site) -> None:
    vim = await site.register(EMBEDDED)
    async with site.bridge("--policy", "embedded=adopt"):
        await site.old.start(vim.id)
        adopted = await site.until(vim, Vim.REACHABLE)
        own = await site.client.report(vim, Vim.UNREACHABLE)

        assert adopted.monitor.engine == vim_pb2.Monitor.EXTERNAL
        assert adopted.monitor.action_id == vim.id
        assert own.HasField("bad_action")
        await site.client.deregister(vim.id)
        assert (await site.old.ended(vim.id))["result"] == "KILLED"


async def test_an_accepted_report_counts_beside_those_of_the_wanted_action(site: Site) -> None:
    vim = await site.register(EMBEDDED)
    async with site.bridge("--policy", "embedded=accept", "--policy", "mistral=reject"):
        await site.old.start(vim.id, "UNREACHABLE")
        seen = await site.until(vim, Vim.UNREACHABLE)
        own = await site.client.report(vim, Vim.REACHABLE)

        assert seen.monitor.action_id == vim.monitor.action_id
        assert seen.monitor.engine == EMBEDDED
        assert own.status == Vim.REACHABLE
        await site.client.deregister(vim.id)
        assert (await site.old.ended(vim.id, PATIENCE_S))["result"] == "KILLED"
