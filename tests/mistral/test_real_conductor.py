"""The plugin and a conductor with a database."""

from __future__ import annotations

from pathlib import Path

from tests.support.callers.recorder import recording
from tests.support.clouds.targets import fake_api
from tests.support.deployments.conductors import conductor_at
from tests.support.mistral.mistrals import running_mistral
from tests.support.mistral.workflows import Workflows
from tests.support.probers.actions import action
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.v1 import vim_pb2

SOON = ConductorSettings(drain_s=0, grace_s=1, contact_within_s=1)


async def test_a_vim_becomes_reachable_and_its_action_exits_when_it_is_deregistered(tmp_path: Path) -> None:
    async with (
        conductor_at(tmp_path / "vims.sqlite", SOON) as client,
        fake_api() as api,
        running_mistral(tmp_path, {"VIMESH_ADDRESS": client.address}) as mistral,
        recording(client) as seen,
    ):
        workflows = Workflows(mistral.url)
        vim = await client.register(auth_url=api.url)

        wanted = action(api.url, vim_id=vim.id, action_id=vim.monitor.action_id)
        execution = await workflows.run(wanted)
        await seen.until(lambda: seen.status.get(vim.id) == vim_pb2.Vim.REACHABLE, 20)
        assert await workflows.states(execution) == ("RUNNING", "RUNNING")
        assert (await client.get(vim.id)).status == vim_pb2.Vim.REACHABLE

        await client.deregister(vim.id)
        await workflows.until(execution, ("SUCCESS", "SUCCESS"))

        assert "Traceback" not in mistral.log.read_text()
