"""A broker, a conductor behind Envoy, and callers with oslo.messaging; the bridges are the tests'."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.bridge.bridges import Bridge, running_bridge
from tests.support.amqp.brokers import Broker, running_broker
from tests.support.amqp.oslo_client import OsloProcess, oslo_process
from tests.support.deployments.conductors import Client, conductor_at
from tests.support.deployments.envoys import running_envoy
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

CONTACT_WITHIN_S = 2.0
LEASE_S = 3 * CONTACT_WITHIN_S
PATIENCE_S = 20
SETTINGS = ConductorSettings(contact_within_s=CONTACT_WITHIN_S, drain_s=0, grace_s=1)
Vim = vim_pb2.Vim
EXTERNAL = vim_pb2.Monitor.EXTERNAL


@dataclass(frozen=True)
class Site:
    folder: Path
    client: Client
    address: str
    """The front."""
    broker: Broker
    old: OsloProcess

    @asynccontextmanager
    async def bridge(self, *flags: str) -> AsyncGenerator[Bridge]:
        async with running_bridge(self.folder, self.address, self.broker.url, *flags) as running:
            yield running

    async def register(self, engine: vim_pb2.Monitor.Engine.ValueType = EXTERNAL, vim_id: str = "") -> vim_pb2.Vim:
        vim = Vim(name=f"vim-{uuid4()}", type="openstack", auth_url="http://127.0.0.1:5000/v3")
        request = pb.RegisterVimRequest(vim=vim, engine=engine, vim_id=vim_id)
        return (await self.client.vims.RegisterVim(request, timeout=30)).vim

    async def change(self, vim: vim_pb2.Vim, **changes: object) -> vim_pb2.Vim:
        engine = changes.pop("engine", 0)
        request = pb.ModifyVimRequest(vim=Vim(id=vim.id, **changes), engine=engine)  # type: ignore[arg-type]  # fields by name
        return (await self.client.vims.ModifyVim(request, timeout=30)).vim

    async def until(self, vim: vim_pb2.Vim, status: vim_pb2.Vim.Status.ValueType) -> vim_pb2.Vim:
        return await self.client.until(vim.id, lambda read: read.status == status, PATIENCE_S)


@asynccontextmanager
async def site_in(
    folder: Path, start: Callable[[Path], AbstractAsyncContextManager[Broker]] = running_broker
) -> AsyncGenerator[Site]:
    (rabbit := folder / "rabbit").mkdir()
    async with AsyncExitStack() as parts:
        broker = await parts.enter_async_context(start(rabbit))
        client = await parts.enter_async_context(conductor_at(folder / "vimesh.sqlite", SETTINGS))
        envoy = await parts.enter_async_context(running_envoy([client.address]))
        await envoy.until_healthy([client.address])
        old = await parts.enter_async_context(oslo_process(folder, broker.url))
        yield Site(folder, client, envoy.address, broker, old)
