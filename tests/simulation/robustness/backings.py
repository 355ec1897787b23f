"""Provides the database of a run: a real one of each kind, and the faults that it can have."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import make_url

from tests.simulation.robustness.schedule import GALERA, REPLICATED
from tests.support.sql import databases
from tests.support.sql.galera import galera
from tests.support.sql.replicas import Pair, pair
from tests.support.sql.stores import sqlite_url

_AGAIN_S = 30.0
_DISK = "512m"


class File:
    """A SQLite file on a small disk of its own."""

    def __init__(self, disk: Path) -> None:
        self.disk = disk
        self.folder = disk / "data"
        self.folder.mkdir()
        self.path = self.folder / "vimesh.sqlite"
        self.url = sqlite_url(self.path)

    def fill(self) -> Path:
        """Leave no room on the disk; return the new file that fills it: two of these faults may overlap."""
        with NamedTemporaryFile("wb", buffering=0, prefix="filler-", dir=self.disk, delete=False) as file:
            with suppress(OSError):
                while True:
                    file.write(bytes(65536))
            return Path(file.name)


class Server:
    """A database server, which is killed and started again with its data."""

    def __init__(self, server: databases.Server) -> None:
        self._server = server
        self.url = server.url
        self.port = make_url(server.url).port or 0
        self.paused = server.paused
        self.kill = server.kill

    async def start(self) -> None:
        """Start it again. The children of a killed server keep its files open for a moment."""
        async with asyncio.timeout(_AGAIN_S):
            while not await self._started():  # noqa: ASYNC110 - it is another process that is waited for
                await asyncio.sleep(0.2)

    async def _started(self) -> bool:
        try:
            await self._server.start()
        except AssertionError:
            return False
        return True


class Cluster:
    """A Galera cluster, whose nodes may leave and come back."""

    def __init__(self, *nodes: databases.Server) -> None:
        self.nodes = nodes
        self.url = nodes[0].url


class Replicated:
    """A server with a replica that takes its place."""

    def __init__(self, servers: Pair) -> None:
        self.pair = servers
        self.url = servers.url


MakeTables = Callable[[str], Awaitable[object]]
Backing = File | Server | Cluster | Replicated


def url_for(backing: Backing, conductor: int) -> str:
    """Return the URL for the conductor with this number: conductors take the nodes of a cluster in turn."""
    return backing.nodes[(conductor - 1) % len(backing.nodes)].url if isinstance(backing, Cluster) else backing.url


@asynccontextmanager
async def backing(kind: str, folder: Path, make_tables: MakeTables) -> AsyncGenerator[Backing]:
    """Run a database that has its tables: of a file or a single server, those that are made. `folder` exists."""
    if kind == "sqlite":
        with _small_disk(folder) as disk:
            file = File(disk)
            await make_tables(file.url)
            yield file
    elif kind == GALERA:
        async with galera() as nodes:
            yield Cluster(*nodes)
    elif kind in REPLICATED:
        async with pair(REPLICATED[kind]) as servers:
            yield Replicated(servers)
    else:
        async with databases.server(kind, make_tables) as server:
            yield Server(server)


@contextmanager
def _small_disk(folder: Path) -> Generator[Path]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)], check=True, timeout=20)
    try:
        yield folder
    finally:
        # Lazily: a process that was killed may still be ending.
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=20)
