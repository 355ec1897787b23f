"""Collects the inventory that the audit compares."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from vimesh.api.audit.compare_workflows import Inventory, MonitorSeen
from vimesh.domain.actions import Action
from vimesh.engine.mistral_listing import MistralListing
from vimesh.v1 import conductor_service_pb2, vim_pb2, vim_service_pb2
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub
from vimesh.wire.action_messages import action_from_wire

if TYPE_CHECKING:  # exist for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

_PAGE = 1000


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
    monitors: dict[str, MonitorSeen] = {}
    token = ""
    while True:
        request = vim_service_pb2.ListVimsRequest(page_size=_PAGE, page_token=token)
        page = await client.vims.ListVims(request, timeout=client.timeout_s)
        monitors |= {vim.id: _monitor_seen(vim.monitor) for vim in page.vims}
        token = page.next_page_token
        if not token:
            return monitors


def _monitor_seen(monitor: vim_pb2.Monitor) -> MonitorSeen:
    return MonitorSeen(monitor.action_id, vim_pb2.Monitor.State.Name(monitor.state), monitor.last_error)
