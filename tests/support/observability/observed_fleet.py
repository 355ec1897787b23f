"""Runs a fleet by hand, each process with metrics of its own, so that each can be taken away and brought back."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.callers.caller import ask
from tests.support.callers.commands import VIMESH, clean_environment
from tests.support.clouds.targets import free_port
from tests.support.deployments.conductors import Client, client_at
from tests.support.processes.process_groups import ProcessGroup
from tests.support.sql.databases import Server, server
from tests.support.timing.waiting import eventually
from vimesh.envoy.envoy_binary import command, find

_START_S = 60


@dataclass
class Part:
    """A process that can be killed and started again with the same addresses."""

    name: str
    words: tuple[str, ...]
    ready: str
    """What it says when it is, or the path at which it answers then."""
    folder: Path
    environment: Mapping[str, str]
    metrics_port: int = field(default_factory=free_port)
    _group: ProcessGroup | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    async def start(self) -> None:
        begin = self.log.stat().st_size if self.log.exists() else 0
        group = await ProcessGroup.start(*self.words, environment=self.environment, output=self.log)
        self._group = group

        async def ready() -> bool:
            assert group.running, self.log.read_text()
            if not self.ready.startswith("/"):
                return self.ready in self.log.read_text()[begin:]
            try:
                return (await ask(f"127.0.0.1:{self.metrics_port}", "GET", self.ready)).status == 200
            except OSError:
                return False

        await eventually(ready, _START_S)

    async def kill(self) -> None:
        if self._group is not None:
            await self._group.kill()

    async def stop(self) -> None:
        if self._group is not None and self._group.running:
            await self._group.stop()


@dataclass(frozen=True)
class ObservedFleet:
    client: Client
    database: Server
    conductor: Part
    monitor: Part
    envoy: Part
    api: Part
    """It drives a Mistral that is away, once it is started."""

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """Return what a Prometheus has to scrape, for `running_prometheus`."""
        front = _target(self.envoy) | {"labels": {"fleet": "lab", "process": "envoy"}}
        return {
            "vimesh": {"static_configs": [_target(self.conductor), _target(self.monitor)]},
            "vimesh-vims": {"static_configs": [_target(self.conductor)]},
            "vimesh-front": {"static_configs": [front], "metrics_path": "/stats/prometheus"},
        }


def _target(part: Part) -> dict[str, Any]:
    return {"targets": [f"127.0.0.1:{part.metrics_port}"], "labels": {"fleet": "lab", "process": part.name}}


@asynccontextmanager
async def observed_fleet(folder: Path, *, contact_within: str) -> AsyncGenerator[ObservedFleet]:
    """Run a conductor on a PostgreSQL, an Envoy and a monitor; stops what is left of them.

    VIMs belong to Mistral if nothing else is said.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(server("postgresql"))
        front, health = free_port(), free_port()
        environment = clean_environment(VIMESH_DATABASE_URL=database.url, VIMESH_ADDRESS=f"127.0.0.1:{front}")

        def part(name: str, ready: str, *flags: str) -> Part:
            made = Part(name, (*VIMESH, name, *flags), ready, folder, environment)
            made.words += ("--metrics", f"127.0.0.1:{made.metrics_port}")
            return made

        key, listen = str(folder / "key"), f"127.0.0.1:{free_port()}"
        making = await ProcessGroup.start(
            *VIMESH, "db", "make-key", key, environment=environment, output=folder / "key.log"
        )
        await making.wait()
        conductor = part(
            *("conductor", "conductor is serving", "--listen", listen, "--health-listen", f"127.0.0.1:{health}"),
            *("--key-file", key, "--contact-within", contact_within, "--engine", "mistral"),
        )
        monitor = part("monitor", "actions listed", "--probe-allow", "127.0.0.0/8")
        api = part(
            *("api", "api is serving", "--listen", f"127.0.0.1:{free_port()}"),
            *("--engine", "mistral", "--mistral-url", f"http://127.0.0.1:{free_port()}/v2"),
        )
        stack.push_async_callback(api.stop)
        envoy = await _envoy(folder, front, {"address": listen, "health_port": health})
        for each in (conductor, envoy, monitor):
            stack.push_async_callback(each.stop)
            await each.start()
        client = await stack.enter_async_context(client_at(f"127.0.0.1:{front}"))
        yield ObservedFleet(client, database, conductor, monitor, envoy, api)


async def _envoy(folder: Path, port: int, conductor: Mapping[str, object]) -> Part:
    """Render the files of an Envoy. Its admin port serves its metrics."""
    admin, files = free_port(), folder / "envoy"
    fleet = folder / "fleet.yaml"
    fleet.write_text(
        yaml.safe_dump(
            {
                "front": {"address": "127.0.0.1", "port": port},
                "admin": {"address": "127.0.0.1", "port": admin},
                "conductors": [dict(conductor)],
            }
        )
    )
    rendering = await ProcessGroup.start(
        *(*VIMESH, "envoy", "render", str(fleet), "--output", str(files)),
        environment=clean_environment(),
        output=folder / "render.log",
    )
    await rendering.wait()
    assert rendering.succeeded, (folder / "render.log").read_text()
    words = tuple(map(str, command(find(os.environ), files / "bootstrap.yaml")))
    return Part("envoy", words, "/ready", folder, os.environ, admin)
