"""Collects the inventory that the audit compares."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from vimesh.api.audit.compare_workflows import Inventory, MonitorSeen
from vimesh.domain.actions import Action
from vimesh.engine.mistral_listing import MistralListing
from vimesh.rpc.list_pages import list_pages
from vimesh.v1 import conductor_service_pb2, vim_pb2, vim_service_pb2
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub
from vimesh.wire.action_messages import action_from_wire

if TYPE_CHECKING:  # exist for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub


@dataclass(frozen=True, slots=True)
class InventoryClient:
    conductor: ConductorServiceAsyncStub
    vims: VimServiceAsyncStub
    timeout_s: float
    """How long one call, or one message of a stream, may take."""


def inventory_client(channel: grpc.aio.Channel, timeout_s: float) -> InventoryClient:
    return InventoryClient(ConductorServiceStub(channel), VimServiceStub(channel), timeout_s)


async def collect_inventory(client: InventoryClient, listing: MistralListing) -> Inventory:
    """Collect the inventory. Raises EngineError, AioRpcError, TimeoutError."""
    workflows = await listing.vims_with_workflow()
    executions = await listing.executions()
    running = await listing.running_actions()
    # Read these after Mistral: a VIM whose workflow was listed is then listed too, unless it is gone.
    wanted = await _wanted(client)
    monitors = await _monitors(client)
    return Inventory(workflows, executions, running, wanted, monitors)


async def _wanted(client: InventoryClient) -> dict[str, Action]:
    wanted: dict[str, Action] = {}
    request = conductor_service_pb2.WatchActionsRequest(engine=vim_pb2.Monitor.MISTRAL)
    stream = client.conductor.WatchActions(request)
    try:
        while True:
            async with asyncio.timeout(client.timeout_s):
                response = await stream.read()
            if not isinstance(response, conductor_service_pb2.WatchActionsResponse):
                raise TimeoutError("the list of actions ended too soon")
            wanted |= {action.vim_id: action_from_wire(action) for action in response.wanted}
            for unwanted in response.unwanted:
                wanted.pop(unwanted.vim_id, None)
            if response.revision:
                return wanted
    finally:
        stream.cancel()


async def _monitors(client: InventoryClient) -> dict[str, MonitorSeen]:
    async def fetch(size: int, token: str) -> tuple[Sequence[vim_pb2.Vim], str]:
        request = vim_service_pb2.ListVimsRequest(page_size=size, page_token=token)
        page = await client.vims.ListVims(request, timeout=client.timeout_s)
        return page.vims, page.next_page_token

    return {vim.id: _monitor_seen(vim.monitor) async for vims, _ in list_pages(fetch) for vim in vims}


def _monitor_seen(monitor: vim_pb2.Monitor) -> MonitorSeen:
    return MonitorSeen(monitor.action_id, vim_pb2.Monitor.State.Name(monitor.state), monitor.last_error)
