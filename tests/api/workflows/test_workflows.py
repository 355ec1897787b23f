"""A real conductor, real api processes and a real Mistral with the real ping action."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.api.conductors import OF_MISTRAL
from tests.api.gatekeeper import gatekeeper
from tests.api.processes import api_process
from tests.api.site import PATIENCE_S, Site, until_vim
from tests.support.clouds.targets import fake_api, free_port
from tests.support.deployments.conductors import conductor_at
from tests.support.mistral.mistrals import running_mistral
from tests.support.timing.waiting import until
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

REACHABLE = vim_pb2.Vim.REACHABLE
pytestmark = pytest.mark.timeout(120)


async def test_a_vim_lives_and_dies_in_mistral(site: Site) -> None:
    async with fake_api() as cloud, api_process(site.folder, site.client.address, site.mistral.url):
        vim = await site.client.register(auth_url=cloud.url)
        seen = await site.until(vim.id, lambda vim: vim.status == REACHABLE)

        assert site.executions() == {vim.monitor.action_id: "RUNNING"}
        assert seen.monitor.state == vim_pb2.Monitor.RUNNING

        await site.client.deregister(vim.id)
        await site.until_empty()

    assert "Traceback" not in site.mistral.log.read_text()


async def test_a_new_auth_url_is_watched_by_a_new_execution(site: Site) -> None:
    async with (
        fake_api() as old,
        fake_api() as new,
        api_process(site.folder, site.client.address, site.mistral.url),
    ):
        vim = await site.client.register(auth_url=old.url)
        await site.until(vim.id, lambda vim: vim.status == REACHABLE)

        change = pb.ModifyVimRequest(vim=vim_pb2.Vim(id=vim.id, auth_url=new.url))
        change.update_mask.paths.append("auth_url")
        modified = (await site.client.vims.ModifyVim(change, timeout=10)).vim
        await site.until(vim.id, lambda vim: vim.status == REACHABLE and vim.monitor.state == vim_pb2.Monitor.RUNNING)
        await until(lambda: set(site.executions()) == {modified.monitor.action_id}, PATIENCE_S)

    assert modified.monitor.action_id != vim.monitor.action_id


async def test_many_registrations_are_shared_by_two_processes(site: Site) -> None:
    async with (
        api_process(site.folder, site.client.address, site.mistral.url),
        api_process(site.folder, site.client.address, site.mistral.url),
    ):
        vims = [await site.client.register(auth_url="http://127.0.0.1:1/v3") for _ in range(20)]
        for vim in vims:
            await site.until(vim.id, lambda vim: vim.status == vim_pb2.Vim.UNREACHABLE)
        assert site.executions() == {vim.monitor.action_id: "RUNNING" for vim in vims}

        for vim in vims:
            await site.client.deregister(vim.id)
        await site.until_empty()


async def test_what_a_killed_process_left_half_done_is_finished_by_another(site: Site) -> None:
    async with gatekeeper(site.mistral.url) as door:
        async with api_process(site.folder, site.client.address, door.url, VIMESH_API_LEASE="2s") as doomed:
            vim = await site.client.register(auth_url="http://127.0.0.1:1/v3")
            async with asyncio.timeout(PATIENCE_S):
                await door.held_back.wait()
            doomed.kill()
            await doomed.wait()
        assert len(site.left()) == 1
        assert site.executions() == {}

        async with api_process(site.folder, site.client.address, site.mistral.url):
            await site.until(vim.id, lambda vim: vim.status == vim_pb2.Vim.UNREACHABLE)

    assert site.executions() == {vim.monitor.action_id: "RUNNING"}


async def test_a_mistral_that_is_down_only_delays(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/v2"
    async with (
        conductor_at(tmp_path / "vimesh.sqlite", OF_MISTRAL) as client,
        api_process(tmp_path, client.address, url),
    ):
        vim = await client.register(auth_url="http://127.0.0.1:1/v3")
        waiting = await until_vim(client, vim.id, lambda vim: bool(vim.monitor.last_error))
        assert waiting.monitor.state == vim_pb2.Monitor.WAITING
        assert waiting.monitor.last_error == f"Mistral at {url}: cannot connect"

        async with running_mistral(tmp_path, {"VIMESH_ADDRESS": client.address}, port=port):
            seen = await until_vim(client, vim.id, lambda vim: vim.status == vim_pb2.Vim.UNREACHABLE)

    assert not seen.monitor.last_error
