"""Executors and a bridge of a secured fleet: each reports with its certificate, and for its own engine only.

The files of the executors are where an operator would have copied them to, and nothing else of the fleet is there.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from tests.bridge.bridges import Bridge, running_bridge
from tests.fleet.mistral_site import FAST, PATIENCE_S
from tests.support.amqp.brokers import running_broker
from tests.support.amqp.oslo_client import OsloProcess, oslo_process
from tests.support.callers.recorder import Recorder, recording
from tests.support.clouds.targets import fake_api, free_port
from tests.support.deployments.conductors import Client, client_on, report_on
from tests.support.deployments.fleets import starting_fleet
from tests.support.mistral.stock_mistral import StockMistral, stock_mistral
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.rpc.channels import channel
from vimesh.target_rules.networks import format_networks
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2, vim_service_pb2

pytestmark = [pytest.mark.fleet, pytest.mark.alone, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

Vim, Monitor = vim_pb2.Vim, vim_pb2.Monitor
EXECUTOR = "spiffe://vimesh/executor/e1"
BRIDGE = "spiffe://vimesh/bridge/b1"
MONITOR = "spiffe://vimesh/monitor/m1"
ENGINES = {MONITOR: Monitor.EMBEDDED, EXECUTOR: Monitor.MISTRAL, BRIDGE: Monitor.EXTERNAL}


@dataclass(frozen=True)
class SecuredSite:
    address: str
    certificates: CertificateFolder
    folder: Path
    client: Client
    """An administrator's."""
    seen: Recorder
    mistral: StockMistral
    bridge: Bridge
    old: OsloProcess
    """Callers of oslo.messaging."""

    async def register(
        self, engine: vim_pb2.Monitor.Engine.ValueType, auth_url: str = "http://127.0.0.1:9/v3"
    ) -> vim_pb2.Vim:
        vim = Vim(name=f"vim-{free_port()}", type="openstack", auth_url=auth_url, probe_policy=FAST)
        request = vim_service_pb2.RegisterVimRequest(vim=vim, engine=engine)
        return (await self.client.vims.RegisterVim(request, timeout=30)).vim

    async def until_reported(self, vim: vim_pb2.Vim, status: vim_pb2.Vim.Status.ValueType) -> str:
        """Wait until a VIM has a status; return who reported it."""
        await self.seen.until(lambda: self.seen.status.get(vim.id) == status, PATIENCE_S)
        return next(event.actor for event in reversed(self.seen.events) if event.vim_id == vim.id)

    @asynccontextmanager
    async def as_part(self, identity: str) -> AsyncGenerator[Client]:
        async with channel(self.address, self.folder / identity.rpartition("/")[2]) as opened:
            yield client_on(opened, self.address)


def issue(certificates: CertificateFolder, identity: SpiffeId, folder: Path) -> Path:
    """Issue a certificate, and copy its files to the host of the part."""
    certificates.issue(identity, (), timedelta(days=1), datetime.now(UTC))
    return shutil.copytree(certificates.folder_of(identity), folder / identity.name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[SecuredSite]:
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    flags = ("--secured", "--engine", "mistral", "--mistral-url", f"http://127.0.0.1:{port}/v2")
    (rabbit := folder / "rabbit").mkdir()
    (hosts := folder / "hosts").mkdir()
    async with AsyncExitStack() as parts:
        fleet = await parts.enter_async_context(starting_fleet(folder, *flags))
        certificates = CertificateFolder(folder / "data" / "certs")
        shown = {
            role: issue(certificates, SpiffeId("vimesh", role, name), hosts)
            for role, name in ((Role.EXECUTOR, "e1"), (Role.BRIDGE, "b1"), (Role.MONITOR, "m1"))
        }
        broker = await parts.enter_async_context(running_broker(rabbit))
        plugin = {
            "VIMESH_ADDRESS": fleet.address,
            "VIMESH_CREDENTIALS": str(shown[Role.EXECUTOR]),
            "VIMESH_PROBE_ALLOW": format_networks(LOOPBACK_RULES.allow),
        }
        mistral = await parts.enter_async_context(stock_mistral(folder, broker.url, plugin, port=port))
        showing = ("--credentials", str(shown[Role.BRIDGE]))
        bridge = await parts.enter_async_context(running_bridge(folder, fleet.address, broker.url, *showing))
        old = await parts.enter_async_context(oslo_process(folder, broker.url))
        administrator = certificates.folder_of(SpiffeId("vimesh", Role.CLI, "admin.local"))
        client = client_on(await parts.enter_async_context(channel(fleet.address, administrator)), fleet.address)
        seen = await parts.enter_async_context(recording(client))
        yield SecuredSite(fleet.address, certificates, hosts, client, seen, mistral, bridge, old)
    assert "Traceback" not in fleet.log.read_text()


async def test_an_executor_reports_with_its_certificate(site: SecuredSite) -> None:
    async with fake_api() as endpoint:
        vim = await site.register(Monitor.MISTRAL, endpoint.url)

        assert await site.until_reported(vim, Vim.REACHABLE) == EXECUTOR

        await endpoint.refuse()
        assert await site.until_reported(vim, Vim.UNREACHABLE) == EXECUTOR
    assert site.mistral.lines("Traceback") == []


async def test_the_bridge_reports_with_its_certificate_and_ends_old_actions(site: SecuredSite) -> None:
    named, unnamed = await site.register(Monitor.EXTERNAL), await site.register(Monitor.EXTERNAL)

    action = {"vim_id": named.id, "action_id": named.monitor.action_id}
    assert (await site.old.call(status="REACHABLE", **action))["answer"] == "REACHABLE"
    assert await site.until_reported(named, Vim.REACHABLE) == BRIDGE
    await site.old.start(unnamed.id, "UNREACHABLE")
    assert await site.until_reported(unnamed, Vim.UNREACHABLE) == BRIDGE

    await site.client.deregister(unnamed.id)
    assert (await site.old.ended(unnamed.id))["result"] == "KILLED"
    await site.client.deregister(named.id)
    assert (await site.old.call(status="REACHABLE", **action))["answer"] == "bad_action"


async def test_a_call_that_the_bridge_may_not_make_ends_at_once(site: SecuredSite) -> None:
    vim = await site.register(Monitor.EMBEDDED)

    called = await site.old.call(vim_id=vim.id, status="REACHABLE", action_id=vim.monitor.action_id)

    # Without that, the bridge would ask again for 45 s.
    assert called["error"] == "NotPermitted"
    assert called["after_s"] < PATIENCE_S
    assert (await site.client.get(vim.id)).status == Vim.PENDING


@pytest.mark.parametrize("engine", ENGINES.values(), ids=Monitor.Engine.Name)
@pytest.mark.parametrize("identity", ENGINES)
async def test_a_part_reports_for_its_own_engine_only(
    site: SecuredSite, identity: str, engine: vim_pb2.Monitor.Engine.ValueType
) -> None:
    vim = await site.register(engine)
    async with site.as_part(identity) as part:
        report = report_on(vim, Vim.REACHABLE, 1 << 40)
        watched = pb.WatchActionsRequest(engine=engine)
        if ENGINES[identity] == engine:
            assert (await part.conductor.UpdateVim(report, timeout=30)).status == Vim.REACHABLE
            assert await site.until_reported(vim, Vim.REACHABLE) == identity
            assert await part.conductor.WatchActions(watched).read()
        else:
            batch = pb.UpdateVimsRequest(reports=[report])
            [outcome] = (await part.conductor.UpdateVims(batch, timeout=30)).outcomes
            assert outcome.refused.code == grpc.StatusCode.PERMISSION_DENIED.value[0]
            for call in part.conductor.UpdateVim(report, timeout=30), part.conductor.WatchActions(watched).read():
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await call
                assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert (await site.client.get(vim.id)).status != Vim.REACHABLE
    await site.client.deregister(vim.id)
