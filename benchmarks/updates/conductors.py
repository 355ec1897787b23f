"""Runs a conductor to be measured: a process as the command line starts it, over a database full of VIMs."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import Int64Value

from benchmarks.harness.machine import debian_version, sqlite_version, versions
from benchmarks.harness.processes import Process, printed, running
from benchmarks.updates.population import Population
from benchmarks.updates.work import CONTACT_WITHIN_S, GRANTED_PATH, Watched
from tests.support.clouds.targets import free_port
from tests.support.deployments.conductors import client_at
from tests.support.sql.databases import execute
from tests.support.sql.mariadb import running_mariadb
from tests.support.sql.postgresql import running_postgresql
from tests.support.sql.stores import KEY
from vimesh.store.upgrade.manage_tables import upgrade

_NAME = "vimesh"
_GRANT_S = 10.0


_SERVERS = {"postgresql": ("asyncpg", "postgresql-15"), "mariadb": ("asyncmy", "mariadb-server")}
"""The driver of each kind, and the package of the server."""


@dataclass(frozen=True, slots=True)
class Database:
    kind: str
    url: str
    pid: int | None
    """Pid of its server; None: it is a file that the conductor itself writes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A conductor, and access to its database."""

    address: str
    process: Process
    database: Database
    population: Population
    vims: Sequence[Watched]

    async def grant(self, seconds: float) -> int:
        """Let every lease end this many seconds from now, by the database's clock; return that time."""
        until = await self.population.grant(seconds)
        async with grpc.aio.insecure_channel(self.address) as channel:
            granted = channel.unary_unary(GRANTED_PATH, Int64Value.SerializeToString, Empty.FromString)
            await granted(Int64Value(value=until), timeout=_GRANT_S)
        return until


def versions_over(kind: str) -> dict[str, str]:
    """Return the versions of the software of a conductor with a database of this kind."""
    found = versions("grpcio", "protobuf", "sqlalchemy")
    if kind == "sqlite":
        return found | sqlite_version()
    driver, server = _SERVERS[kind]
    return found | versions(driver) | debian_version(server)


@asynccontextmanager
async def database(kind: str, folder: Path) -> AsyncGenerator[Database]:
    """Run a private server of a kind, or create a file, and put the tables into it."""
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs yet
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'vimesh.sqlite'}"
        await upgrade(url)
        yield Database(kind, url, None)
    elif kind == "postgresql":
        async with running_postgresql(folder) as cluster:
            pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
            yield await _filled(kind, cluster.url("postgres"), cluster.url(_NAME), pid)
    else:
        async with running_mariadb(folder) as node:
            pid = int((folder / "mariadb.pid").read_text())
            yield await _filled(kind, node.url("mysql"), node.url(_NAME), pid)


@asynccontextmanager
async def conductor(
    on: Database, folder: Path, *flags: str, count: int, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[Measured]:
    """Run a conductor of `count` VIMs, all of which have reported. `environment` is added to ours."""
    address = f"127.0.0.1:{free_port()}"
    async with _serving(on, folder, address, *flags, environment=environment) as process:
        async with client_at(address) as client:
            await client.register()
        population = Population(on.url)
        yield Measured(address, process, on, population, await population.multiply(count))


@asynccontextmanager
async def guarded_conductor(
    on: Database, folder: Path, listen: str, *flags: str | Path, count: int
) -> AsyncGenerator[Measured]:
    """Do the same with a conductor that answers only whom the front has identified."""
    async with conductor(on, folder, count=count) as filled:
        pass  # only an open one can be filled without a front
    async with _serving(on, folder, listen, "--require-identity", *flags) as process:
        yield replace(filled, address=listen, process=process)


@asynccontextmanager
async def _serving(
    on: Database, folder: Path, listen: str, *flags: str | Path, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[Process]:
    (key_file := folder / "keys").write_text(f"{KEY}\n")
    key_file.chmod(0o600)
    command = (
        *(sys.executable, "-m", "benchmarks.updates.conductor_main", "conductor", "--listen", listen),
        *("--database-url", on.url, "--key-file", key_file, "--contact-within", f"{CONTACT_WITHIN_S}s"),
        # Nothing probes: a VIM that a round leaves out must not get another action.
        *("--replacements-per-s", "0", "--log-level", "info"),
        *flags,
    )
    output = folder / "conductor.log"
    ready = printed("conductor is serving")
    async with running(*command, output=output, ready=ready, environment=environment) as process:
        yield process


async def _filled(kind: str, admin_url: str, url: str, pid: int) -> Database:
    await execute(admin_url, f"CREATE DATABASE {_NAME}")
    if kind == "mariadb":
        # The tests' node is small, to start quickly.
        await execute(
            admin_url, f"SET GLOBAL innodb_buffer_pool_size={256 << 20}", f"SET GLOBAL innodb_log_file_size={256 << 20}"
        )
    await upgrade(url)
    return Database(kind, url, pid)
