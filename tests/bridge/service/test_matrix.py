"""Unmodified oslo.messaging beside the bridge: each way to configure it, and each order in which they come.

A part of the matrix is run by default. All of it takes VIMESH_BRIDGE_MATRIX=whole, and with
VIMESH_BRIDGE_MATRIX_MINUTES=5 each deployment is kept for as long.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import aio_pika
import pytest
import pytest_asyncio
from aiormq.exceptions import ConnectionNotImplemented

from tests.bridge.cells import FIRST, OPTIONS, Cell, Deployment, add_virtual_host, deployed, lost_connections
from tests.bridge.site import Site, Vim, site_in
from tests.support.amqp.oslo_client import oslo_process
from vimesh.v1 import vim_pb2

pytestmark = pytest.mark.asyncio(loop_scope="module")

_WHOLE = os.environ.get("VIMESH_BRIDGE_MATRIX") == "whole"
_PATIENCE_S = 90
"""Much more than anything takes here: a process of Tacker's needs 3 s of CPU before it says its first word."""
_KINDS = ("plain", "durable", "quorum")
_PART = [
    Cell("plain", "bridge"),
    Cell("durable", "bridge"),
    Cell("quorum", "bridge"),
    Cell("plain", "caller"),
    Cell("quorum", "caller"),
    Cell("durable", "conductor"),
    Cell("quorum", "conductor"),
    Cell("everything", "caller"),
]
_SHIPPED = Cell("quorum", "bridge")
"""The cell in which Tacker's own action runs, too; in the whole matrix it does so with each kind of queue."""
_MINUTES = int(os.environ.get("VIMESH_BRIDGE_MATRIX_MINUTES", "0"))
MIXED = [Cell(options, first, file=False) for options in OPTIONS for first in FIRST if options != "plain"]
LOST, REFERENCE, LASTING = "lost", "-reference", "-lasting"
CELLS = [Cell(options, first) for options in OPTIONS for first in FIRST] if _WHOLE else _PART


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Site]:
    async with site_in(tmp_path_factory.mktemp("matrix")) as made:
        yield made


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_callers_are_served_and_ended_and_no_connection_is_lost(site: Site, cell: Cell, tmp_path: Path) -> None:
    named, old = await asyncio.gather(site.register(), site.register())
    async with deployed(site, cell, tmp_path) as deployment:
        await deployment.come_first()
        async with deployment.bridge("--hold", "1s") as bridge:
            assert await deployment.report(named) == "REACHABLE"
            await deployment.caller.start(old.id)
            await until_reachable(site, old)
            await site.client.deregister(old.id)
            ended = await deployment.caller.ended(old.id, _PATIENCE_S)
            if cell == _SHIPPED or (_WHOLE and cell.options in _KINDS):
                await _serve_shipped_action(deployment)

            assert ended["result"] == "KILLED"
            assert not bridge.said("broker lost")
        # The way back.
        assert "error" not in await deployment.caller.serve()
        assert await deployment.report(named) == "REACHABLE"
    assert not await lost_connections(site.broker, cell)


async def until_reachable(site: Site, vim: vim_pb2.Vim) -> None:
    await site.client.until(vim.id, lambda read: read.status == Vim.REACHABLE, _PATIENCE_S)


async def _serve_shipped_action(deployment: Deployment) -> None:
    site = deployment.site
    vim = await site.register()
    async with deployment.shipped_action(vim) as action:
        await until_reachable(site, vim)
        await site.client.deregister(vim.id)
        assert (await action.ended(vim.id, _PATIENCE_S))["result"] == "KILLED"


async def test_a_connection_that_is_lost_is_seen(site: Site) -> None:
    """What the other tests rely on; and why no quorum queue is asked to go if it is unused."""
    await add_virtual_host(site.broker, LOST)
    async with await aio_pika.connect(f"{site.broker.url}{LOST}".replace("rabbit://", "amqp://")) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("q", durable=True, arguments={"x-queue-type": "quorum"})
        with pytest.raises(ConnectionNotImplemented):
            await queue.delete(if_unused=True)

    [why] = await lost_connections(site.broker, LOST)
    assert "not_implemented" in why


@pytest.mark.skipif(not _WHOLE, reason="a part of the whole matrix")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("cell", MIXED, ids=str)
async def test_a_bridge_without_a_file_serves_whom_a_server_without_one_serves(
    site: Site, cell: Cell, tmp_path: Path
) -> None:
    vim = await site.register()
    (folder := tmp_path / "reference").mkdir()
    works = await _works_between_two(site, cell, folder, vim)

    async with deployed(site, cell, tmp_path) as deployment:
        if cell.first != "bridge":
            await deployment.come_first()
        async with deployment.bridge("--hold", "1s") as bridge:
            answer = await deployment.report(vim, timeout_s=8)

            assert not bridge.said("broker lost")
    print(f"matrix {cell}: two programs of oslo.messaging {works}, the bridge {answer == 'REACHABLE'}")
    assert answer == "REACHABLE" or not works


async def _works_between_two(site: Site, cell: Cell, folder: Path, vim: vim_pb2.Vim) -> bool:
    """Say whether a server of oslo.messaging with its defaults, in the place of the bridge, serves the caller."""
    virtual_host = f"{cell}{REFERENCE}"
    async with (
        deployed(site, cell, folder, virtual_host) as deployment,
        oslo_process(folder, f"{site.broker.url}{virtual_host}") as server,
    ):
        await deployment.come_first()
        try:
            async with asyncio.timeout(15):
                served = await server.serve()
        except TimeoutError:
            return False
        return "error" not in served and await deployment.report(vim, timeout_s=8) == "REACHABLE"


@pytest.mark.skipif(not _MINUTES, reason="takes the minutes that VIMESH_BRIDGE_MATRIX_MINUTES says")
@pytest.mark.timeout(600 + 120 * _MINUTES)
async def test_no_connection_is_lost_in_minutes(site: Site, tmp_path: Path) -> None:
    starting = asyncio.Semaphore(2)

    async def last(options: str) -> int:
        cell = Cell(options, "bridge")
        (folder := tmp_path / options).mkdir()
        vim = await site.register()
        async with AsyncExitStack() as parts:
            async with starting:
                deployment = await parts.enter_async_context(deployed(site, cell, folder, f"{options}{LASTING}"))
                bridge = await parts.enter_async_context(deployment.bridge("--hold", "1s"))
                await deployment.caller.start(vim.id)
            # Each of its answers is held for a second.
            for _ in range(60 * _MINUTES):
                await deployment.caller.answered(vim.id, "REACHABLE", after=len(deployment.caller.events))
            await site.client.deregister(vim.id)
            assert (await deployment.caller.ended(vim.id, _PATIENCE_S))["result"] == "KILLED"
            return bridge.said("broker lost")

    async with asyncio.TaskGroup() as group:
        lasting = [group.create_task(last(options)) for options in OPTIONS]

    assert [each.result() for each in lasting] == [0] * len(OPTIONS)
    assert not [why for options in OPTIONS for why in await lost_connections(site.broker, f"{options}{LASTING}")]
