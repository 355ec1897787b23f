"""Runs a conductor, monitors in namespaces of their own, a notifier, and the VIMs that they look at."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.duration_pb2 import Duration

from tests.simulation.notifications.fleet_calls import until_claimed
from tests.simulation.places.clouds import serving_clouds
from tests.simulation.places.faults import Ground
from tests.simulation.places.landscape import MONITORS, PORT, SOUTH, Site
from tests.simulation.places.roads import REFERENCES, Roads, roads
from tests.support.callers.commands import VIMESH
from tests.support.callers.running import Running, running
from tests.support.deployments.conductors import Client, client_at
from tests.support.networks.requiring import require_namespaces
from tests.support.notifier.running_notifier import Endpoint, create_receiver, notifier_at
from tests.support.sql.stores import create_or_upgrade, sqlite_url
from tests.support.timing.waiting import eventually
from vimesh.domain.pool.assignment import Assignment, Member
from vimesh.store.rows.key_files import make_key_file
from vimesh.v1 import fleet_service_pb2, vim_service_pb2
from vimesh.v1.vim_pb2 import Vim, VimEvent

CALL_S = 30.0
_START_S = 120.0
_BATCH = 500
_RECEIVER = "pager"
_GROUP_INTERVAL_S = 1


@dataclass(frozen=True, slots=True)
class WorldSettings:
    sites: Sequence[Site]
    interval_s: float
    """Of the probes of each VIM."""
    group_wait_s: float
    """How long a notification waits for more: until a cause has a name."""
    folder: Path
    monitors: Sequence[str] = tuple(MONITORS)
    patience_s: float = _START_S


@dataclass(frozen=True, slots=True)
class World:
    client: Client
    ground: Ground
    monitors: Mapping[str, str]
    """Names of monitors, by their ids."""
    sites: Mapping[str, Site]
    """By the ids of their VIMs."""
    pager: Endpoint
    """Receives notifications, grouped by cause."""

    async def counts(self) -> vim_service_pb2.VimStatusCounts:
        request = vim_service_pb2.SummarizeVimsRequest()
        return (await self.client.vims.SummarizeVims(request, timeout=CALL_S)).total

    async def until_all_reachable(self, within_s: float) -> None:
        async def are_reachable() -> bool:
            return (await self.counts()).reachable == len(self.sites)

        await eventually(are_reachable, within_s)

    async def events_since(self, revision: int) -> list[VimEvent]:
        """Return the changes after a revision, the oldest first."""
        events: list[VimEvent] = []
        token = ""
        while True:
            request = vim_service_pb2.ListVimEventsRequest(page_size=1000, page_token=token)
            page = await self.client.vims.ListVimEvents(request, timeout=CALL_S)
            events += [event for event in page.events if event.revision > revision]
            token = page.next_page_token
            if not token or page.events[-1].revision <= revision:
                return events[::-1]

    async def causes(self, *, ended: bool) -> list[fleet_service_pb2.Cause]:
        request = fleet_service_pb2.ListCausesRequest(ended=ended)
        return list((await self.client.fleet.ListCauses(request, timeout=CALL_S)).causes)


@asynccontextmanager
async def running_world(settings: WorldSettings) -> AsyncGenerator[World]:
    """Run everything; all VIMs are REACHABLE when the block begins. Skips a test that may make no namespaces."""
    require_namespaces()
    folder = settings.folder
    socket = f"unix:{folder / 'conductor.socket'}"
    async with AsyncExitStack() as stack:
        network = stack.enter_context(roads(settings.monitors))
        clouds, trusted = await stack.enter_async_context(serving_clouds(network.clouds, folder))
        clouds.serve_names(settings.sites)
        conductor = stack.enter_context(running(folder, "conductor", *await _conductor_flags(folder, socket)))
        await asyncio.to_thread(conductor.line_with, "conductor is serving", within_s=_START_S)
        client = await stack.enter_async_context(client_at(socket))
        monitors: dict[str, Running] = {
            name: stack.enter_context(_monitor(name, network, folder, socket, trusted)) for name in settings.monitors
        }
        sites = await _register(client, settings)
        names = await _names_of(client, monitors)
        pager = Endpoint()
        # Nothing is repeated: what arrives is about something new. After some 35 scripts a few VIMs flap by any
        # measure: a receiver would not be told of them.
        await create_receiver(
            client.channel,
            _RECEIVER,
            group_by=["cause"],
            group_wait=Duration(seconds=round(settings.group_wait_s)),
            group_interval=Duration(seconds=_GROUP_INTERVAL_S),
            repeat_interval=Duration(),
            notify_flapping=True,
        )
        await stack.enter_async_context(notifier_at(socket, "notifier", {_RECEIVER: pager}))
        await until_claimed(client)
        ground = Ground(network, clouds, tuple(settings.sites))
        world = World(client, ground, names, sites, pager)
        await world.until_all_reachable(settings.patience_s)
        await _until_shared(world, settings.patience_s)
        yield world


async def _conductor_flags(folder: Path, socket: str) -> tuple[str, ...]:
    database_url = sqlite_url(folder / "vimesh.sqlite")
    make_key_file(folder / "key")
    await create_or_upgrade(database_url)
    return ("--listen", socket, "--database-url", database_url, "--key-file", "key")


def _monitor(name: str, network: Roads, folder: Path, socket: str, trusted: Path) -> AbstractContextManager[Running]:
    vantage = MONITORS[name]
    flags = ["monitor", "--address", socket, "--vantage", vantage]
    if vantage == SOUTH:
        one, other = REFERENCES
        flags += ["--reference", one, "--reference", f"{other}:{PORT}"]
    program = network.monitors[name].command(*VIMESH)
    return running(folder, *flags, program=program, SSL_CERT_FILE=str(trusted))


async def _register(client: Client, settings: WorldSettings) -> dict[str, Site]:
    sites: dict[str, Site] = {}
    for start in range(0, len(settings.sites), _BATCH):
        batch = settings.sites[start : start + _BATCH]
        requests = [
            vim_service_pb2.RegisterVimRequest(
                vim=Vim(
                    name=f"{site.name}{'.' if site.zone else ''}{site.zone}",
                    type="openstack",
                    auth_url=site.auth_url,
                    labels=site.labels,
                    probe_policy=site.policy(settings.interval_s),
                )
            )
            for site in batch
        ]
        answer = await client.vims.RegisterVims(vim_service_pb2.RegisterVimsRequest(requests=requests), timeout=CALL_S)
        sites |= {result.registered.vim_id: site for result, site in zip(answer.results, batch, strict=True)}
    assert len(sites) == len(settings.sites), "a VIM was refused"
    return sites


async def _names_of(client: Client, monitors: Mapping[str, Running]) -> dict[str, str]:
    by_pid = {running.process.pid: name for name, running in monitors.items()}
    names: dict[str, str] = {}

    async def are_known() -> bool:
        listed = await client.fleet.ListMonitors(fleet_service_pb2.ListMonitorsRequest(), timeout=CALL_S)
        names.update({one.monitor_id: by_pid[one.pid] for one in listed.monitors if one.pid in by_pid})
        return len(names) == len(monitors)

    await eventually(are_known, _START_S)
    return names


async def _until_shared(world: World, within_s: float) -> None:
    """Wait until each monitor runs its share and no more: the first one to join runs all for some seconds longer."""
    pools = {
        vantage: Assignment(Member(each) for each, name in world.monitors.items() if MONITORS[name] == vantage)
        for vantage in {site.vantage for site in world.sites.values()}
    }
    shares = Counter(pools[site.vantage].owner_of(vim_id) for vim_id, site in world.sites.items())

    async def are_shared() -> bool:
        listed = await world.client.fleet.ListMonitors(fleet_service_pb2.ListMonitorsRequest(), timeout=CALL_S)
        return all(one.actions == shares[one.monitor_id] for one in listed.monitors)

    await eventually(are_shared, within_s)
