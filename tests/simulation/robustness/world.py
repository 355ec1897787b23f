"""Runs the processes of a run: started as `vimesh up` starts them, and restarted whenever they end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.robustness.backings import Backing, backing, url_for
from tests.simulation.robustness.faults.network import REFERENCES, Network
from tests.simulation.robustness.fronts import Front, FrontMembers, fronts_in, target_of
from tests.simulation.robustness.history import History
from tests.simulation.robustness.releases import Installation, Releases
from tests.simulation.robustness.schedule import APIS, CONDUCTORS, MONITORS, SIDE_PROCESSES
from tests.simulation.robustness.side_processes import Neighbours, side_processes
from tests.support.amqp.brokers import running_broker
from tests.support.networks.namespaces import Namespace
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from tests.support.timing.clocks import Clock
from vimesh.cli.local_fleet.fleet_processes import ConductorPart, EnvoyProcess, MonitorPart
from vimesh.cli.local_fleet.grpc_ready import until_serving
from vimesh.cli.processes.stop_signals import Stopping
from vimesh.cli.supervision.log_lines import Say
from vimesh.cli.supervision.start_process import Program
from vimesh.cli.supervision.supervised_process import Part, SupervisedProcess
from vimesh.domain.vims import Engine
from vimesh.envoy import envoy_binary
from vimesh.envoy.fleet.front_fleet import ListenAddress
from vimesh.envoy.traffic import clusters
from vimesh.monitor.references.reference_addresses import REFERENCES as SETTING_OF_REFERENCES
from vimesh.store.rows.key_files import make_key_file
from vimesh.store.upgrade.manage_tables import upgrade

_START_S = 240.0
_STOP_S = 8.0


@dataclass(frozen=True, slots=True)
class WorldSettings:
    database: str
    contact_within_s: float
    stepped: frozenset[str] = frozenset()
    """The processes whose clocks will be set."""
    watchers: int = 3
    """The last of them leaves and comes back."""
    releases: Releases | None = None
    """To upgrade from one to the other, behind two fronts; None: this checkout, behind one."""


class Kept:
    """A process that is not restarted while it should be away, and that is started from the release that it has."""

    def __init__(self, part: Part, away: Collection[str], installed: Mapping[str, Installation]) -> None:
        self._part = part
        self._away = away
        self._installed = installed
        self.name = part.name
        self.ready = part.ready
        self.ended = part.ended

    def prepare(self) -> Program:
        if self.name in self._away:
            raise OSError("kept away")
        program = self._part.prepare()
        installation = self._installed.get(self.name)
        return program if installation is None else installation.instead_of(program)


class World:
    """Shows which processes run, and disturbs them."""

    def __init__(self, fronts: Sequence[Front], backing: Backing, network: Network) -> None:
        self.fronts = {front.name: front for front in fronts}
        self.address = target_of(fronts)
        self.members = FrontMembers(fronts, clusters.CONDUCTORS)
        self.doors = FrontMembers(fronts, clusters.API)
        self.releases: Releases | None = None
        self.broker_url = ""
        """Of the broker that the bridges are at; empty if there are none."""
        self.installed: dict[str, Installation] = {}
        """The release from which a process is started; that of the others is this checkout."""
        self.backing = backing
        self.network = network
        self.away: set[str] = set()
        """The processes that are kept from starting."""
        self.clocks: dict[str, Clock] = {}
        self.parts: dict[str, SupervisedProcess] = {}

    def pid(self, name: str) -> int | None:
        """Return None while the process does not run."""
        return self.parts[name].pid

    def address_of(self, front: str) -> str:
        return str(self.fronts[front].address)

    def port(self, conductor: str) -> int | None:
        """Return the port at which a conductor serves; None while it does not."""
        address = self.members.addresses.get(conductor)
        return address.port if isinstance(address, ListenAddress) else None

    def signal(self, name: str, number: signal.Signals) -> int | None:
        """Send a signal to a process; return its pid, if it runs."""
        pid = self.pid(name)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid

    async def until_whole(self, limit_s: float = _START_S) -> None:
        """Wait until everything runs, and the front answers. Raises TimeoutError."""
        async with asyncio.timeout(limit_s):
            while not self._whole():  # noqa: ASYNC110 - other processes are waited for
                await asyncio.sleep(0.02)
            await until_serving(self.address)

    def _whole(self) -> bool:
        serving = {*self.members.addresses, *self.doors.addresses}
        wanted = {*CONDUCTORS, *APIS} & set(self.parts)
        return wanted <= serving and all(part.pid for part in self.parts.values())


@asynccontextmanager
async def running_world(
    settings: WorldSettings, folder: Path, machine: Namespace, history: History
) -> AsyncGenerator[World]:
    """Run three conductors, Envoy, two monitors and a database. Call this inside the namespace.

    With two releases, also what the second of two fronts and side processes need: a broker.
    """
    network = Network(machine)
    await network.begin()
    (folder / "disk").mkdir()
    with (folder / "fleet.log").open("w", encoding="utf-8") as log:

        def say(name: str, line: str) -> None:
            log.write(f"{name:<11} | {line}\n")
            if name == "vimesh":
                history.note("process", what=line)

        releases = settings.releases
        fronts = fronts_in(folder, 1 if releases is None else 2)
        make_tables = upgrade if releases is None else releases.before.make_tables
        async with backing(settings.database, folder / "disk", make_tables) as database:
            for front in fronts:
                await front.render(None if releases is None else releases.before)
            world = World(fronts, database, network)
            async with AsyncExitStack() as more:
                if releases is not None:
                    world.releases = releases
                    world.installed.update(dict.fromkeys((*CONDUCTORS, *MONITORS, *SIDE_PROCESSES), releases.before))
                    world.broker_url = await more.enter_async_context(_broker(folder / "broker"))
                _add_parts(world, settings, folder, say)
                async with _running(world.parts):
                    await world.until_whole()
                    yield world


@asynccontextmanager
async def _broker(folder: Path) -> AsyncGenerator[str]:
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs yet
    async with running_broker(folder) as broker:
        yield broker.url


def _add_parts(world: World, settings: WorldSettings, folder: Path, say: Say) -> None:
    make_key_file(folder / "credentials.key")
    environment = {**os.environ, "VIMESH_CONDUCTOR_CONTACT_WITHIN": f"{settings.contact_within_s:g}s"}

    def add(part: Part) -> None:
        world.parts[part.name] = SupervisedProcess(Kept(part, world.away, world.installed), say, _nothing)

    def environment_of(name: str) -> dict[str, str]:
        if name not in settings.stepped:
            return environment
        world.clocks[name] = Clock(folder / f"clock-of-{name}")
        return {**environment, **world.clocks[name].environment}

    for number, name in enumerate(CONDUCTORS, 1):
        add(
            ConductorPart(
                number,
                url_for(world.backing, number),
                folder / "credentials.key",
                world.members,
                environment_of(name),
                engine=Engine.EMBEDDED,
            )
        )
    fronts = list(world.fronts.values())
    binary = envoy_binary.find(os.environ)
    for front in fronts:
        # Not of vimesh: only what it is configured with is of a release.
        add(EnvoyProcess(binary, front.bootstrap, str(front.address), environment, name=front.name))
    for index, name in enumerate(MONITORS):
        address = world.address_of(fronts[index % len(fronts)].name)
        environment_of_monitor = {**environment_of(name), SETTING_OF_REFERENCES.variable: ",".join(REFERENCES)}
        add(MonitorPart(address, environment_of_monitor, LOOPBACK_RULES, name=name))
    if world.releases is not None:
        addresses = tuple(str(front.address) for front in fronts)
        for part in side_processes(Neighbours(addresses, world.doors, world.broker_url, folder, environment)):
            add(part)


def _nothing() -> None:
    """Do nothing: the list of running processes is not needed."""


@asynccontextmanager
async def _running(parts: dict[str, SupervisedProcess]) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as tasks:
        for part in parts.values():
            tasks.create_task(part.run())
        try:
            yield
        finally:
            async with asyncio.TaskGroup() as stops:
                for part in parts.values():
                    if part.pid is not None:
                        with suppress(ProcessLookupError):
                            # A stopped process would not receive the request to end.
                            os.kill(part.pid, signal.SIGCONT)
                    stops.create_task(part.stop(_STOP_S, Stopping()))
