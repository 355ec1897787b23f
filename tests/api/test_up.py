"""`vimesh up --engine mistral`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.site import until_vim
from tests.support.callers.commands import Command
from tests.support.clouds.targets import fake_api, free_port
from tests.support.deployments.conductors import client_at
from tests.support.deployments.fleets import starting_fleet
from tests.support.mistral.mistrals import running_mistral
from vimesh.v1 import vim_pb2


@pytest.mark.fleet
@pytest.mark.timeout(120)
async def test_new_vims_of_a_fleet_on_mistral_run_there(tmp_path: Path) -> None:
    port = free_port()
    flags = ("--engine", "mistral", "--mistral-url", f"http://127.0.0.1:{port}/v2", "--conductors", "1")
    async with starting_fleet(tmp_path, *flags) as fleet:
        assert fleet.pids("vimesh", "api", "mistral")
        assert not fleet.pids("vimesh", "monitor")
        async with (
            client_at(fleet.address) as client,
            fake_api() as cloud,
            running_mistral(tmp_path, {"VIMESH_ADDRESS": fleet.address}, port=port),
        ):
            vim = await client.register(auth_url=cloud.url)
            seen = await until_vim(client, vim.id, lambda vim: vim.status == vim_pb2.Vim.REACHABLE)

    assert seen.monitor.engine == vim_pb2.Monitor.MISTRAL


@pytest.mark.parametrize("command", ["up", "api"])
def test_a_fleet_on_mistral_needs_to_know_where_it_is(tmp_path: Path, command: str) -> None:
    ended = Command(tmp_path)(command, "--engine", "mistral")

    assert ended.code == 1
    assert "--mistral-url: is required" in ended.err
