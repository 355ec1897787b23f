"""Runs a fleet on one machine: all of it as real processes, in one foreground command."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from vimesh.cli.base.exits import Failure
from vimesh.cli.local_fleet.data_dir import DataDir
from vimesh.cli.local_fleet.fleet_certificates import FleetCertificates, front_hosts
from vimesh.cli.local_fleet.fleet_key import prepare_key_file
from vimesh.cli.local_fleet.fleet_options import FleetSettings
from vimesh.cli.local_fleet.fleet_processes import (
    ApiPart,
    ConductorPart,
    ConsolePart,
    EnvoyProcess,
    Members,
    MonitorPart,
    NotifierPart,
    Ways,
    without_secrets,
)
from vimesh.cli.local_fleet.fleet_sockets import FleetSockets
from vimesh.cli.processes.stop_signals import Stopping
from vimesh.cli.supervision.log_lines import Say
from vimesh.cli.supervision.supervised_process import Part, SupervisedProcess
from vimesh.domain.vims import Engine
from vimesh.envoy import envoy_binary, write_files
from vimesh.envoy.fleet.front_fleet import ClusterHost, FrontFleet, ListenAddress, door_target
from vimesh.envoy.fleet.front_security import FrontSecurity
from vimesh.envoy.traffic import clusters
from vimesh.store.upgrade import manage_tables

_START_LIMIT_S = 60.0
# Stopping takes at most 10 s in total.
_CLIENT_STOP_S = 4.0
_CONDUCTOR_STOP_S = 5.0
_FRONT_STOP_S = 1.0


class Interrupted(Exception):
    """The user stopped the fleet before everything was up."""


class EmbeddedFleet:
    def __init__(  # noqa: PLR0913, PLR0917 - it gets all its collaborators here
        self,
        settings: FleetSettings,
        data_dir: DataDir,
        sockets: FleetSockets,
        environment: Mapping[str, str],
        say: Say,
        stopping: Stopping,
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._sockets = sockets
        self._say = say
        self._stopping = stopping
        outsiders = without_secrets(environment)
        self.certificates = FleetCertificates(data_dir.certificates, settings.host) if settings.secured else None
        self._members = Members(data_dir.envoy, clusters.CONDUCTORS)
        self._doors = Members(data_dir.envoy, clusters.API)
        self._consoles = Members(data_dir.envoy, clusters.CONSOLE)
        url = settings.database_url or data_dir.database_url
        self._database_url = url
        self._key_file = settings.key_file or data_dir.key_file
        self._conductors = [
            self._watched(
                ConductorPart(
                    number,
                    url,
                    self._key_file,
                    self._members,
                    outsiders,
                    engine=settings.engine,
                    choose_host=self._host_of,
                    audit_file=data_dir.audit_file if settings.secured else None,
                    quota_arguments=settings.quota_arguments,
                    metrics=self._metrics_of(f"conductor-{number}"),
                    channelz=sockets.channelz_of(f"conductor-{number}") if settings.channelz else None,
                )
            )
            for number in range(1, settings.conductors + 1)
        ]
        self._environment = environment
        self._envoy = envoy_binary.find(environment)
        front = EnvoyProcess(
            self._envoy, data_dir.envoy / "bootstrap.yaml", settings.address, outsiders, self.credentials
        )
        self._front = SupervisedProcess(front, say, self._write_state)
        self._clients = [self._watched(part) for part in self._parts_of_clients(outsiders)]

    async def prepare(self) -> None:
        """Create the files and tables that the processes need, and check the hash of Envoy.

        Raises Failure, BadSetting, StoreUnavailable, or a group of them.
        """
        prepare_key_file(self._key_file, self._data_dir.key_file)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(envoy_binary.check_hash, self._envoy, self._environment))
            await manage_tables.upgrade(self._database_url)
        fleet = FrontFleet(
            conductors=(),
            front=ListenAddress(self._settings.host, self._settings.port),
            reports=self._sockets.reports,
            security=self._make_certificates(),
            expects_api=True,
            expects_console=True,
            origins=self._origins(),
            admin=self._sockets.envoy_admin,
        )
        write_files.render(fleet, self._data_dir.envoy)

    def _origins(self) -> tuple[str, ...]:
        """Return the origins of the console, as browsers on this machine and beyond may name it."""
        settings = self._settings
        scheme = "https" if settings.secured else "http"
        hosts = (f"[{host}]" if ":" in host else host for host in front_hosts(settings.host))
        return tuple(f"{scheme}://{host}:{settings.port}" for host in hosts)

    @property
    def credentials(self) -> Path | None:
        """What the commands of its user show to the front; None: it asks for nothing."""
        return None if self.certificates is None else self.certificates.administrator

    def _make_certificates(self) -> FrontSecurity | None:
        """Return what the front needs to know of them; None in an open fleet. Raises Failure."""
        if self.certificates is None:
            return None
        self.certificates.make()
        # No one else can enter the folder of the sockets behind the front.
        return FrontSecurity(
            self.certificates.front,
            self.certificates.trust,
            issuers=(self.certificates.token_issuer,),
            keystone=self._settings.keystone_file is not None,
            tls_to_conductors=False,
        )

    @asynccontextmanager
    async def _serving_metrics(self) -> AsyncGenerator[None]:
        listener = self._settings.metrics_listener
        if listener is None:
            yield
            return
        from vimesh.cli.local_fleet.fleet_scrape import FleetScrape, serving_fleet_metrics  # noqa: PLC0415 - optional

        conductors = [part.name for part in self._conductors]
        names = [*conductors, *(part.name for part in self._clients)]
        scrape = FleetScrape(
            {name: self._sockets.metrics_of(name) for name in names}, conductors, self._sockets.envoy_admin
        )
        credentials = self.certificates.front if self.certificates is not None else None
        async with serving_fleet_metrics(scrape, listener, credentials):
            yield

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run all processes while the block runs. Raises a group: of Failure if one does not start, of Interrupted."""
        async with self._serving_metrics(), asyncio.TaskGroup() as tasks:
            renewal = None
            if self.certificates is not None:
                renewal = tasks.create_task(self.certificates.keep_valid(partial(self._say, "vimesh")))
            try:
                await self._start(tasks)
                yield
            finally:
                if renewal is not None:
                    renewal.cancel()
                await self._stop()

    async def _start(self, tasks: asyncio.TaskGroup) -> None:
        waiting_for = ""
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                # The front serves as soon as a conductor behind it does; the clients need both.
                for batch in ([*self._conductors, self._front], self._clients):
                    for part in batch:
                        tasks.create_task(part.run())
                    for part in batch:
                        waiting_for = part.name
                        await self._served(part)
        except TimeoutError:
            raise Failure(f"{waiting_for} is not ready after {_START_LIMIT_S:g} s") from None

    async def _served(self, part: SupervisedProcess) -> None:
        async with asyncio.TaskGroup() as tasks:
            served = tasks.create_task(part.served.wait())
            asked = tasks.create_task(self._stopping.asked())
            await asyncio.wait((served, asked), return_when=asyncio.FIRST_COMPLETED)
            served.cancel()
            asked.cancel()
        if not part.served.is_set():
            raise Interrupted

    async def _stop(self) -> None:
        # Stop clients first, then conductors, then the front, so that calls in flight can finish.
        async with asyncio.TaskGroup() as tasks:
            for client in self._clients:
                tasks.create_task(client.stop(_CLIENT_STOP_S, self._stopping))
        async with asyncio.TaskGroup() as tasks:
            for conductor in self._conductors:
                tasks.create_task(conductor.stop(_CONDUCTOR_STOP_S, self._stopping))
        await self._front.stop(_FRONT_STOP_S, self._stopping)

    def _watched(self, part: Part) -> SupervisedProcess:
        return SupervisedProcess(part, self._say, self._write_state, self._data_dir.work_record(part.name))

    def _write_state(self) -> None:
        processes = [
            {"name": part.name, "pid": part.pid, "address": self._address_of(part.name)}
            for part in (*self._conductors, self._front, *self._clients)
            if part.pid is not None
        ]
        try:
            self._data_dir.write_state(
                {
                    "address": self._settings.address,
                    "credentials": None if self.credentials is None else str(self.credentials),
                    "pid": os.getpid(),
                    "processes": processes,
                }
            )
        except OSError as error:
            # The file only informs users: the fleet runs without it.
            self._say("vimesh", f"cannot write the list of processes: {error}")

    def _address_of(self, name: str) -> str:
        if name == self._front.name:
            return self._settings.address
        door = {**self._members.addresses, **self._doors.addresses, **self._consoles.addresses}.get(name)
        return "" if door is None else door_target(door)

    def _metrics_of(self, name: str) -> Path | None:
        return None if self._settings.metrics_listener is None else self._sockets.metrics_of(name)

    def _host_of(self, name: str) -> ClusterHost:
        return ClusterHost(self._sockets.of(name), self._sockets.health_of(name))

    def _parts_of_clients(self, environment: Mapping[str, str]) -> list[Part]:
        """Return the processes that call the front: api, notifier, console, and a monitor unless Mistral probes."""
        settings = self._settings
        certificates = self.certificates
        address = door_target(self._sockets.reports)
        api = ApiPart(
            Ways(address, settings.address, None if certificates is None else certificates.api, self.credentials),
            self._sockets.of("api"),
            self._doors,
            environment,
            engine=settings.engine,
            mistral_url=settings.mistral_url,
            keystone_file=settings.keystone_file,
            metrics=self._metrics_of("api"),
        )
        notifier = NotifierPart(
            address,
            environment,
            settings.notifier_rules,
            None if certificates is None else certificates.notifier,
            self._metrics_of("notifier"),
        )
        console = ConsolePart(
            Ways(address, settings.address, None if certificates is None else certificates.console, self.credentials),
            self._sockets.of("console"),
            self._consoles,
            environment,
            self._metrics_of("console"),
        )
        if settings.engine is Engine.MISTRAL:
            return [api, notifier, console]
        shown = None if certificates is None else certificates.monitor
        rules, metrics = settings.monitor_rules, self._metrics_of("monitor")
        monitor = MonitorPart(address, environment, rules, shown, metrics, history=settings.history)
        return [api, monitor, notifier, console]
