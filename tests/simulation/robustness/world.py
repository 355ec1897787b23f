"""Runs the processes of a run: started as `vimesh up` starts them, and restarted whenever they end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.robustness.backings import Backing, backing, url_for
from tests.simulation.robustness.faults.network import Network
from tests.simulation.robustness.history import History
from tests.simulation.robustness.schedule import CONDUCTORS, MONITORS
from tests.support.clouds.targets import free_port
from tests.support.networks.namespaces import Namespace
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from tests.support.timing.clocks import Clock
from vimesh.cli.local_fleet.fleet_processes import ConductorPart, EnvoyProcess, Members, MonitorPart
from vimesh.cli.local_fleet.grpc_ready import until_serving
from vimesh.cli.processes.stop_signals import Stopping
from vimesh.cli.supervision.log_lines import Say
from vimesh.cli.supervision.start_process import Program
from vimesh.cli.supervision.supervised_process import Part, SupervisedProcess
from vimesh.domain.vims import Engine
from vimesh.envoy import envoy_binary, write_files
from vimesh.envoy.fleet.front_fleet import FrontFleet, ListenAddress
from vimesh.envoy.traffic import clusters
from vimesh.store.rows.key_files import make_key_file

_START_S = 60.0
_STOP_S = 8.0


@dataclass(frozen=True, slots=True)
class WorldSettings:
    database: str
    contact_within_s: float
    stepped: frozenset[str] = frozenset()
    """The processes whose clocks will be set."""


class Kept:
    """A process that is not restarted while it should be away."""

    def __init__(self, part: Part, away: Collection[str]) -> None:
        self._part = part
        self._away = away
        self.name = part.name
        self.ready = part.ready
        self.ended = part.ended

    def prepare(self) -> Program:
        if self.name in self._away:
            raise OSError("kept away")
        return self._part.prepare()


class World:
    """Shows which processes run, and disturbs them."""

    def __init__(
        self, address: str, backing: Backing, network: Network, members: Members, parts: dict[str, SupervisedProcess]
    ) -> None:
        self.address = address
        self.backing = backing
        self.network = network
        self.away: set[str] = set()
        """The processes that are kept from starting."""
        self.clocks: dict[str, Clock] = {}
        self._members = members
        self._parts = parts

    def pid(self, name: str) -> int | None:
        """Return None while the process does not run."""
        return self._parts[name].pid

    def port(self, conductor: str) -> int | None:
        """Return the port at which a conductor serves; None while it does not."""
        address = self._members.addresses.get(conductor)
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
        return set(CONDUCTORS) <= set(self._members.addresses) and all(part.pid for part in self._parts.values())


@asynccontextmanager
async def running_world(
    settings: WorldSettings, folder: Path, machine: Namespace, history: History
) -> AsyncGenerator[World]:
    """Run three conductors, Envoy, two monitors and a database. Call this inside the namespace."""
    network = Network(machine)
    await network.begin()
    (folder / "disk").mkdir()
    with (folder / "fleet.log").open("w", encoding="utf-8") as log:

        def say(name: str, line: str) -> None:
            log.write(f"{name:<11} | {line}\n")
            if name == "vimesh":
                history.note("process", what=line)

        async with backing(settings.database, folder / "disk") as database:
            world = _world(settings, folder, database, network, say)
            async with _running(world._parts):
                await world.until_whole()
                yield world


def _world(settings: WorldSettings, folder: Path, database: Backing, network: Network, say: Say) -> World:
    make_key_file(folder / "credentials.key")
    front = ListenAddress("127.0.0.1", free_port())
    write_files.render(FrontFleet(conductors=(), front=front), folder / "envoy")
    members = Members(folder / "envoy", clusters.CONDUCTORS)
    parts: dict[str, SupervisedProcess] = {}
    world = World(str(front), database, network, members, parts)
    environment = {**os.environ, "VIMESH_CONDUCTOR_CONTACT_WITHIN": f"{settings.contact_within_s:g}s"}

    def environment_of(name: str) -> dict[str, str]:
        if name not in settings.stepped:
            return environment
        world.clocks[name] = Clock(folder / f"clock-of-{name}")
        return {**environment, **world.clocks[name].environment}

    for number, name in enumerate(CONDUCTORS, 1):
        conductor = ConductorPart(
            number,
            url_for(database, number),
            folder / "credentials.key",
            members,
            environment_of(name),
            engine=Engine.EMBEDDED,
        )
        parts[name] = SupervisedProcess(Kept(conductor, world.away), say, _nothing)
    envoy = EnvoyProcess(envoy_binary.find(os.environ), folder / "envoy" / "bootstrap.yaml", str(front), environment)
    parts["envoy"] = SupervisedProcess(envoy, say, _nothing)
    for index, name in enumerate(MONITORS):
        shard = {"VIMESH_MONITOR_SHARD": f"{index}/{len(MONITORS)}"}
        monitor = MonitorPart(str(front), environment_of(name) | shard, LOOPBACK_RULES, name=name)
        parts[name] = SupervisedProcess(Kept(monitor, world.away), say, _nothing)
    return world


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
