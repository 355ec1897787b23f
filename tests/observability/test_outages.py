"""Alerts fire in real outages, reach whom they should, and are resolved: with a real Prometheus and Alertmanager."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration

from tests.support.clouds.targets import FakeApi, fake_api
from tests.support.observability.alertmanager_server import Receivers, running_alertmanager
from tests.support.observability.observed_fleet import ObservedFleet, observed_fleet
from tests.support.observability.prometheus_server import Prometheus, running_prometheus
from tests.support.timing.waiting import eventually
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest
from vimesh.v1.vim_pb2 import Monitor, ProbePolicy, Vim
from vimesh.v1.vim_service_pb2 import RegisterVimRequest

pytestmark = [pytest.mark.fleet, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

TIMES = 60
"""A minute of the rules is a second here."""
WITHIN_S = 60
CONTACT_WITHIN = "2s"
"""A lease of 6 s."""
_FAST = ProbePolicy(interval=Duration(seconds=1), timeout=Duration(nanos=900_000_000))
_NOWHERE = "http://127.0.0.1:1/"
_ALWAYS = {"VimeshWatchdog"}


@dataclass(frozen=True)
class Site:
    fleet: ObservedFleet
    prometheus: Prometheus
    receivers: Receivers

    @asynccontextmanager
    async def vims(self, endpoint: FakeApi, count: int = 1) -> AsyncGenerator[list[Vim]]:
        """Have VIMs at an endpoint, which the monitor reaches."""
        async with AsyncExitStack() as stack:
            vims = [
                await stack.enter_async_context(self.vim(f"{endpoint.url}/{number}", Monitor.EMBEDDED))
                for number in range(count)
            ]
            until = self.fleet.client.until
            yield [await until(vim.id, lambda seen: seen.status == Vim.REACHABLE, WITHIN_S) for vim in vims]

    @asynccontextmanager
    async def vim(self, auth_url: str, engine: Monitor.Engine.ValueType) -> AsyncGenerator[Vim]:
        new = Vim(name=f"vim-{uuid4()}", type="openstack", auth_url=auth_url, probe_policy=_FAST)
        request = RegisterVimRequest(vim=new, engine=engine)
        vim = (await self.fleet.client.vims.RegisterVim(request, timeout=30)).vim
        try:
            yield vim
        finally:
            await self.fleet.client.deregister(vim.id)

    async def until_at_rest(self) -> None:
        """Wait until every target is scraped, and nothing fires but what always does."""
        await self.prometheus.until_scraped(WITHIN_S)

        async def at_rest() -> bool:
            return await self.prometheus.firing() == _ALWAYS

        try:
            await eventually(at_rest, WITHIN_S)
        except TimeoutError:
            raise AssertionError(f"these still fire: {await self.prometheus.alerts()}") from None

    async def until_fires(self, alert: str) -> None:
        async def fires() -> bool:
            return alert in await self.prometheus.firing()

        try:
            await eventually(fires, WITHIN_S)
        except TimeoutError:
            raise AssertionError(f"{alert} is not among {await self.prometheus.alerts()}") from None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Site]:
    folder = tmp_path_factory.mktemp("site")
    async with (
        observed_fleet(folder, contact_within=CONTACT_WITHIN) as fleet,
        running_alertmanager(folder / "alertmanager") as alertmanager,
        running_prometheus(
            folder / "prometheus", fleet.jobs, alertmanager=alertmanager.address, times=TIMES
        ) as prometheus,
    ):
        await prometheus.until_scraped()
        yield Site(fleet, prometheus, alertmanager.receivers)


async def test_the_watchdog_always_arrives_and_nothing_else_does(site: Site) -> None:
    await site.until_at_rest()

    watchdog = await site.receivers.until("VimeshWatchdog", "firing", WITHIN_S)

    assert watchdog.receiver == "watchdog"
    assert not await site.prometheus.rule_errors()


async def test_an_endpoint_that_stops_is_an_unreachable_vim(site: Site) -> None:
    await site.until_at_rest()
    async with fake_api() as endpoint, site.vims(endpoint) as (vim,):
        await endpoint.refuse()
        await endpoint.hang_up()
        told = await site.receivers.until("VimeshVimUnreachable", "firing", WITHIN_S, vim_id=vim.id)
        assert (told.receiver, told.labels["name"]) == ("channel", vim.name)

        await endpoint.listen()
        await site.receivers.until("VimeshVimUnreachable", "resolved", WITHIN_S, vim_id=vim.id)


async def test_a_monitor_that_is_killed_leaves_its_vims_unwatched(site: Site) -> None:
    await site.until_at_rest()
    async with fake_api() as endpoint, site.vims(endpoint):
        await site.fleet.monitor.kill()
        told = await site.receivers.until("VimeshNoMonitor", "firing", WITHIN_S)
        assert told.receiver == "on-call"
        down = await site.receivers.until("VimeshProcessDown", "firing", WITHIN_S, process="monitor")
        assert down.receiver == "channel"
        # Those on call are told of the cause alone, but these fire, too.
        await site.until_fires("VimeshVimUnwatched")
        await site.until_fires("VimeshFleetDark")

        await site.fleet.monitor.start()
        await site.receivers.until("VimeshNoMonitor", "resolved", WITHIN_S)
        await site.receivers.until("VimeshProcessDown", "resolved", WITHIN_S, process="monitor")
        await site.until_at_rest()


async def test_a_lease_that_runs_out_is_one_unwatched_vim(site: Site) -> None:
    await site.until_at_rest()
    # In a fleet of one, one that is unwatched would be a fleet in the dark, and told of as that.
    async with fake_api() as endpoint, site.vims(endpoint, 5), site.vim(_NOWHERE, Monitor.EXTERNAL) as vim:
        report = UpdateVimRequest(vim_id=vim.id, status=Vim.REACHABLE, action_id=vim.monitor.action_id, observation=1)
        await site.fleet.client.conductor.UpdateVim(report, timeout=30)
        told = await site.receivers.until("VimeshVimUnwatched", "firing", WITHIN_S, vim_id=vim.id)
        assert (told.receiver, told.labels["name"]) == ("channel", vim.name)

        report.observation = 2
        await site.fleet.client.conductor.UpdateVim(report, timeout=30)
        await site.receivers.until("VimeshVimUnwatched", "resolved", WITHIN_S, vim_id=vim.id)


async def test_a_database_that_is_stopped_is_trouble(site: Site) -> None:
    await site.until_at_rest()

    await site.fleet.database.stop()
    told = await site.receivers.until("VimeshStoreTrouble", "firing", WITHIN_S)
    assert told.receiver == "on-call"

    await site.fleet.database.start()
    await site.receivers.until("VimeshStoreTrouble", "resolved", WITHIN_S)


async def test_an_envoy_that_is_killed_is_trouble(site: Site) -> None:
    await site.until_at_rest()

    await site.fleet.envoy.kill()
    told = await site.receivers.until("VimeshFrontTrouble", "firing", WITHIN_S)
    assert told.receiver == "on-call"

    await site.fleet.envoy.start()
    await site.receivers.until("VimeshFrontTrouble", "resolved", WITHIN_S)


async def test_a_mistral_that_is_away_leaves_tasks_undone(site: Site) -> None:
    await site.until_at_rest()
    await site.fleet.api.start()
    try:
        async with site.vim(_NOWHERE, Monitor.MISTRAL):
            # A task counts as stuck after a minute, which is not shorter here.
            told = await site.receivers.until("VimeshTodosStuck", "firing", 2 * WITHIN_S)
            assert told.receiver == "channel"

        await site.receivers.until("VimeshTodosStuck", "resolved", WITHIN_S)
    finally:
        await site.fleet.api.stop()
