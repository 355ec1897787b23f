"""Runs a real Envoy on a free loopback port, for as long as a test needs it."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from vimesh.envoy.envoy_binary import command, find
from vimesh.envoy.fleet.fleet_file import address
from vimesh.envoy.fleet.front_fleet import ClusterHost, ClusterName, FrontFleet, ListenAddress
from vimesh.envoy.traffic.call_classes import CALL_CLASSES
from vimesh.envoy.traffic.clusters import CONDUCTORS
from vimesh.envoy.write_files import render, write_endpoints

START_LIMIT_S = 20.0
STOP_LIMIT_S = 5.0
NOTHING: Mapping[str, str] = MappingProxyType({})
POLL_S = 0.02
PLAIN = FrontFleet(())


class NotStarted(Exception):
    """Envoy ended, or was not ready in time. The message is its log."""


@dataclass(frozen=True, slots=True)
class RunningEnvoy:
    address: str
    """`ip:port` of the front."""
    pid: int
    directory: Path
    """The folder with its files; it is removed when Envoy is stopped."""

    @property
    def reports_address(self) -> str:
        """Address of the second door, for clients."""
        return f"unix:{self.directory / 'reports'}"

    def replace_conductors(self, conductors: Iterable[str], *, health_port: int | None = None) -> None:
        """Replace the endpoint file, as `vimesh envoy` does. Envoy applies it soon: see until_healthy."""
        health = None if health_port is None else ListenAddress("127.0.0.1", health_port)
        hosts = [ClusterHost(host.address, health) for host in _hosts(conductors)]
        write_endpoints(self.directory, CONDUCTORS, hosts)

    async def until_healthy(self, conductors: Iterable[str], *, limit_s: float = 30.0) -> None:
        """Wait until exactly these conductors receive calls. Raises TimeoutError."""
        wanted = {str(host.address) for host in _hosts(conductors)}
        async with asyncio.timeout(limit_s):
            while any(healthy != wanted for healthy in await self._healthy()):  # noqa: ASYNC110 - Envoy tells no one; it has to be asked
                await asyncio.sleep(POLL_S)

    async def admin(self, path: str) -> str:
        """Return the answer of the admin interface to GET `path`."""
        return (await _admin(self.directory, path))[1]

    async def stat(self, name: str) -> int:
        """Return one counter or gauge by its full name."""
        stats = json.loads(await self.admin(f"/stats?format=json&filter=^{name}$"))["stats"]
        return int(stats[0]["value"])

    async def _healthy(self) -> list[set[str]]:
        """Return the conductors that receive calls of each class."""
        statuses = json.loads(await self.admin("/clusters?format=json"))["cluster_statuses"]
        classes = {one.name for one in CALL_CLASSES}
        return [_healthy_of(cluster) for cluster in statuses if cluster["name"] in classes]


@asynccontextmanager
async def running_envoy(
    conductors: Sequence[str] | ClusterName,
    *,
    api: Sequence[str] = (),
    console: Sequence[str] = (),
    port: int = 0,
    access_log: Path | None = None,
    instead: Mapping[str, str] = NOTHING,
    like: FrontFleet = PLAIN,
) -> AsyncGenerator[RunningEnvoy]:
    """Run Envoy in front of conductors, which need not run yet. Stops it at the end.

    `conductors`: `ip:port` or `unix:path` of each, or a name that stands for all of them.

    `port`: of the front; 0: any that is free.

    `like` states which callers are allowed, and how. `instead` replaces texts in its bootstrap, for tests that cannot
    wait for a minute or open 9,000 connections.
    """
    # Not pytest's folder: the path of a Unix socket has to be short.
    with TemporaryDirectory(prefix="envoy-") as folder:
        directory = Path(folder)
        fleet = replace(
            like,
            conductors=conductors if isinstance(conductors, ClusterName) else _hosts(conductors),
            api=_hosts(api),
            console=_hosts(console),
            front=ListenAddress("127.0.0.1", port),
            reports=directory / "reports",
            admin=directory / "admin",
            access_log=None if access_log is None else str(access_log),
        )
        binary = find(os.environ)
        bootstrap = _render(fleet, directory, instead)
        with (directory / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(*command(binary, bootstrap), stdout=log, stderr=log)
        try:
            front = await _started(process, directory)
            yield RunningEnvoy(address=front, pid=process.pid, directory=directory)
        finally:
            await _stop(process)


def _render(fleet: FrontFleet, directory: Path, instead: Mapping[str, str]) -> Path:
    bootstrap = render(fleet, directory)
    text = bootstrap.read_text()
    for rendered, wanted in instead.items():
        assert rendered in text, f"{rendered} is not in the bootstrap"
        text = text.replace(rendered, wanted)
    bootstrap.write_text(text)
    return bootstrap


async def _started(process: Process, directory: Path) -> str:
    try:
        async with asyncio.timeout(START_LIMIT_S):
            while not await _ready(directory):
                if process.returncode is not None:
                    raise NotStarted((directory / "log").read_text())
                await asyncio.sleep(POLL_S)
            listeners = json.loads((await _admin(directory, "/listeners?format=json"))[1])
    except TimeoutError:
        raise NotStarted((directory / "log").read_text()) from None
    return _host(next(one for one in listeners["listener_statuses"] if one["name"] == "front")["local_address"])


async def _ready(directory: Path) -> bool:
    try:
        status, _ = await _admin(directory, "/ready")
    except (OSError, asyncio.IncompleteReadError):
        return False
    return status == 200


async def _admin(directory: Path, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_unix_connection(directory / "admin")
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await _chunks(reader) if "transfer-encoding: chunked" in head else await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    return int(head.split(" ", 2)[1]), body.decode()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while size := int(await reader.readline(), 16):
        whole += await reader.readexactly(size)
        await reader.readline()
    return whole


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_LIMIT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _hosts(texts: Iterable[str]) -> tuple[ClusterHost, ...]:
    return tuple(map(_cluster_host, texts))


def _cluster_host(text: str) -> ClusterHost:
    if not text.startswith("unix:"):
        return ClusterHost(address("conductors", text))
    path = text.removeprefix("unix:")
    return ClusterHost(Path(path), Path(f"{path}.health"))


def _healthy_of(cluster: dict[str, Any]) -> set[str]:
    hosts = cluster.get("host_statuses", [])
    return {_host(one) for one in hosts if one["health_status"] == {"eds_health_status": "HEALTHY"}}


def _host(status: dict[str, Any]) -> str:
    address = status.get("address", status)
    if "pipe" in address:
        return str(address["pipe"]["path"])
    socket = address["socket_address"]
    return str(ListenAddress(str(socket["address"]), int(str(socket["port_value"]))))
