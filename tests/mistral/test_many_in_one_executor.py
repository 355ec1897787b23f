"""More VIMs in one executor than its pool has threads: every one of them is really monitored."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from pathlib import Path

import pytest

from tests.support.callers.recorder import Recorder, recording
from tests.support.clouds.targets import fake_api
from tests.support.deployments.conductors import Client, conductor_at
from tests.support.mistral.mistrals import running_mistral
from tests.support.mistral.workflows import Workflows
from tests.support.probers.actions import action, quick_policy
from vimesh.v1 import vim_pb2

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]

COUNT = int(os.environ.get("VIMESH_TEST_ACTIONS", "100"))
POOL = 64
CLIENTS = 4
POLICY = quick_policy(interval_s=5, timeout_s=1)


async def test_each_of_many_actions_reports_and_those_that_go_dark_and_no_others_are_unreachable(
    tmp_path: Path,
) -> None:
    async with (
        conductor_at(tmp_path / "vims.sqlite") as client,
        fake_api("0.0.0.0") as stays,
        fake_api("0.0.0.0") as goes,
        running_mistral(tmp_path, {"VIMESH_ADDRESS": client.address}, pool=POOL) as mistral,
        recording(client) as seen,
    ):
        workflows = Workflows(mistral.url)
        bright = await run_all(client, workflows, stays.port, COUNT // 2)
        dark = await run_all(client, workflows, goes.port, COUNT // 2)
        await seen.until(lambda: those(seen, vim_pb2.Vim.REACHABLE) == bright | dark, 60)

        await goes.refuse()
        await seen.until(lambda: those(seen, vim_pb2.Vim.UNREACHABLE) == dark, 60)

        assert those(seen, vim_pb2.Vim.REACHABLE) == bright
        seen.check_order()
        assert "Traceback" not in mistral.log.read_text()


async def run_all(client: Client, workflows: Workflows, port: int, count: int) -> set[str]:
    """Register VIMs at addresses of their own, and run their actions."""
    gate = asyncio.Semaphore(CLIENTS)

    async def run(number: int) -> str:
        auth_url = f"http://{ipaddress.ip_address('127.1.0.0') + number}:{port}/v3"
        async with gate:
            vim = await client.register(auth_url=auth_url)
            await workflows.run(action(auth_url, POLICY, vim_id=vim.id, action_id=vim.monitor.action_id))
        return vim.id

    return set(await asyncio.gather(*map(run, range(count))))


def those(seen: Recorder, status: vim_pb2.Vim.Status.ValueType) -> set[str]:
    return {vim_id for vim_id, shown in seen.status.items() if shown == status}
