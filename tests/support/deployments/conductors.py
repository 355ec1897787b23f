"""Runs a real conductor in the test's own process: a gRPC server on a free loopback port over a SQLite file."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from tests.support.sql.stores import sqlite_url, store_at
from tests.support.timing.waiting import eventually
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.rpc.channels import channel
from vimesh.store.sql_store import SqlStore
from vimesh.store.upgrade.table_versions import newest
from vimesh.v1 import conductor_service_pb2, vim_pb2, vim_service_pb2
from vimesh.v1.access_service_pb2_grpc import AccessServiceStub
from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.fleet_service_pb2_grpc import FleetServiceStub
from vimesh.v1.history_service_pb2_grpc import HistoryServiceStub
from vimesh.v1.maintenance_service_pb2_grpc import MaintenanceServiceStub
from vimesh.v1.notifier_service_pb2_grpc import NotifierServiceStub
from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub
from vimesh.v1.workflow_service_pb2_grpc import WorkflowServiceStub

if TYPE_CHECKING:
    from vimesh.v1.access_service_pb2_grpc import AccessServiceAsyncStub
    from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceAsyncStub
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub
    from vimesh.v1.fleet_service_pb2_grpc import FleetServiceAsyncStub
    from vimesh.v1.history_service_pb2_grpc import HistoryServiceAsyncStub
    from vimesh.v1.maintenance_service_pb2_grpc import MaintenanceServiceAsyncStub
    from vimesh.v1.notifier_service_pb2_grpc import NotifierServiceAsyncStub
    from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub
    from vimesh.v1.workflow_service_pb2_grpc import WorkflowServiceAsyncStub


@dataclass(frozen=True)
class Client:
    """Typed stubs over one channel."""

    address: str
    channel: grpc.aio.Channel
    vims: VimServiceAsyncStub
    conductor: ConductorServiceAsyncStub
    workflows: WorkflowServiceAsyncStub
    access: AccessServiceAsyncStub
    fleet: FleetServiceAsyncStub
    history: HistoryServiceAsyncStub
    availability: AvailabilityServiceAsyncStub
    maintenance: MaintenanceServiceAsyncStub
    receivers: ReceiverServiceAsyncStub
    notifiers: NotifierServiceAsyncStub

    async def register(self, **fields: object) -> vim_pb2.Vim:
        """Register a VIM with a name of its own; `fields` override the defaults."""
        known: dict[str, object] = {
            "name": f"vim-{uuid.uuid4()}",
            "type": "openstack",
            "auth_url": "http://127.0.0.1:5000/v3",
        }
        request = vim_service_pb2.RegisterVimRequest(vim=vim_pb2.Vim(**(known | fields)))  # type: ignore[arg-type]  # fields by name
        return (await self.vims.RegisterVim(request, timeout=30)).vim

    async def get(self, vim_id: str) -> vim_pb2.Vim:
        return (await self.vims.GetVim(vim_service_pb2.GetVimRequest(vim_id=vim_id), timeout=30)).vim

    async def until(self, vim_id: str, holds: Callable[[vim_pb2.Vim], bool], within_s: float) -> vim_pb2.Vim:
        """Poll a VIM until it is as expected: a status can change when read, without an event."""
        vim = vim_pb2.Vim()

        async def holds_now() -> bool:
            nonlocal vim
            vim = await self.get(vim_id)
            return holds(vim)

        await eventually(holds_now, within_s)
        return vim

    async def deregister(self, vim_id: str) -> None:
        await self.vims.DeregisterVim(vim_service_pb2.DeregisterVimRequest(vim_id=vim_id), timeout=30)

    async def report(
        self, vim: vim_pb2.Vim, status: vim_pb2.Vim.Status.ValueType, observation: int = 0, **fields: object
    ) -> conductor_service_pb2.UpdateVimResponse:
        """Report as the VIM's wanted action, unless `action_id` is given."""
        return await self.conductor.UpdateVim(report_on(vim, status, observation, **fields), timeout=30)


def report_on(
    vim: vim_pb2.Vim, status: vim_pb2.Vim.Status.ValueType, observation: int = 0, **fields: object
) -> conductor_service_pb2.UpdateVimRequest:
    known: dict[str, object] = {
        "vim_id": vim.id,
        "action_id": vim.monitor.action_id,
        "status": status,
        "observation": observation,
    }
    return conductor_service_pb2.UpdateVimRequest(**(known | fields))  # type: ignore[arg-type]  # fields by name


@asynccontextmanager
async def client_at(address: str) -> AsyncGenerator[Client]:
    async with channel(address) as opened:
        yield client_on(opened, address)


def client_on(opened: grpc.aio.Channel, address: str) -> Client:
    return Client(
        address,
        opened,
        VimServiceStub(opened),
        ConductorServiceStub(opened),
        WorkflowServiceStub(opened),
        AccessServiceStub(opened),
        FleetServiceStub(opened),
        HistoryServiceStub(opened),
        AvailabilityServiceStub(opened),
        MaintenanceServiceStub(opened),
        ReceiverServiceStub(opened),
        NotifierServiceStub(opened),
    )


def announcing_tables(settings: ConductorSettings) -> ConductorSettings:
    """Return the settings as the command has them: without tables, it would be taken for one of an earlier release."""
    return replace(settings, tables=newest())


@asynccontextmanager
async def conductor_over(store: SqlStore, settings: ConductorSettings | None = None) -> AsyncGenerator[Client]:
    settings = settings or ConductorSettings(drain_s=0, grace_s=1)
    async with serving(store, announcing_tables(settings)) as ports, client_at(f"127.0.0.1:{ports.main}") as client:
        yield client


@asynccontextmanager
async def conductor_at(database: Path, settings: ConductorSettings | None = None) -> AsyncGenerator[Client]:
    """Serve a database file, which is created if it is missing."""
    async with store_at(sqlite_url(database)) as store, conductor_over(store, settings) as client:
        yield client
