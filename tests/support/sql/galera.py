"""Runs a private Galera cluster of two MariaDB nodes: each has its own ports and files, and accepts writes."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.clouds.targets import free_port
from tests.support.processes.server_nodes import server_folder
from tests.support.sql.databases import NAME, Server, execute, with_driver
from tests.support.sql.mariadb import MariaDb, make_files, own_options
from tests.support.timing.waiting import eventually
from vimesh.store.upgrade.manage_tables import upgrade

_PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
_USER = "mysql"
_JOIN_S = 60
# By default, a node that vanished is noticed after 5 s or 15 s.
_QUICK = "evs.keepalive_period=PT0.3S;evs.suspect_timeout=PT1S;evs.inactive_timeout=PT3S;evs.install_timeout=PT3S"


class GaleraNode(MariaDb):
    """A node of a cluster. If the two lose each other, the first continues, and the second accepts no statements."""

    def __init__(self, folder: Path, number: int) -> None:
        super().__init__(folder)
        self._number = number
        self._group_port, self._changes_port, self._copy_port = free_port(), free_port(), free_port()
        self._peer: GaleraNode | None = None

    async def install(self) -> None:
        """Make the files of an empty node; one that joins copies those of the cluster."""
        for each in (self._folder, self.data):
            each.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                shutil.chown(each, _USER)
        if self._peer is None:
            await make_files(self.data, _USER)

    async def start(self) -> None:
        """Start the node, and return when it accepts statements of clients."""
        await super().start()
        await eventually(self.is_ready, _JOIN_S)

    def join(self, peer: GaleraNode) -> None:
        """Ask that node for the cluster at each start from now on, instead of founding another one."""
        self._peer = peer

    async def is_ready(self) -> bool:
        """Return whether it belongs to the part of the cluster that continues, and is up to date with it."""
        return await self.status("wsrep_ready") == "ON" and await self.status("wsrep_local_state_comment") == "Synced"

    async def status(self, name: str) -> str:
        """Return the status variable of the node with that name; empty if there is no value."""
        engine = create_async_engine(with_driver(self.url("")), isolation_level="AUTOCOMMIT")
        try:
            async with engine.connect() as connection:
                row = (await connection.execute(text("SHOW GLOBAL STATUS LIKE :name"), {"name": name})).one_or_none()
        except (DBAPIError, OSError):
            return ""
        finally:
            await engine.dispose()
        return "" if row is None else str(row[1])

    def _own(self) -> list[str]:
        # The program that copies the files for another node gives up root, and could not write them afterwards.
        return own_options(self._folder, _USER)

    def _options(self) -> list[str]:
        provider = (
            f"gmcast.listen_addr=tcp://127.0.0.1:{self._group_port};ist.recv_addr=127.0.0.1:{self._changes_port};"
            f"gcache.size=32M;pc.weight={3 - self._number};{_QUICK}"
        )
        peer = "" if self._peer is None else f"127.0.0.1:{self._peer._group_port}"
        return [
            *("--binlog-format=ROW", "--default-storage-engine=InnoDB", "--innodb-autoinc-lock-mode=2"),
            *("--wsrep-on=ON", f"--wsrep-provider={_provider()}", f"--wsrep-cluster-address=gcomm://{peer}"),
            *("--wsrep-cluster-name=vimesh", f"--wsrep-node-name=node-{self._number}"),
            *("--wsrep-node-address=127.0.0.1", f"--wsrep-provider-options={provider}"),
            *("--wsrep-sst-method=rsync", f"--wsrep-sst-receive-address=127.0.0.1:{self._copy_port}"),
            *(("--wsrep-new-cluster",) if self._peer is None else ()),
        ]


def _provider() -> str:
    found = next((name for name in _PROVIDERS if Path(name).exists()), None)
    assert found, "Galera is missing: make .venv/.system installs it"
    return found


@asynccontextmanager
async def galera() -> AsyncGenerator[tuple[Server, Server]]:
    """Run a cluster with a database that has its tables; yields its two nodes."""
    with server_folder() as folder:
        first, second = nodes = GaleraNode(folder / "1", 1), GaleraNode(folder / "2", 2)
        second.join(first)
        try:
            for node in nodes:
                await node.install()
                await node.start()
            first.join(second)
            await execute(first.url("mysql"), f"CREATE DATABASE {NAME}")
            await upgrade(first.url(NAME))
            yield Server(first, first.url(NAME)), Server(second, second.url(NAME))
        finally:
            await asyncio.gather(*(node.kill() for node in nodes))


@asynccontextmanager
async def held_back(node: Server) -> AsyncGenerator[asyncio.Event]:
    """Keep a node from applying the commits of its peer, until the block ends or the event is set."""
    engine = create_async_engine(with_driver(node.url), isolation_level="AUTOCOMMIT")
    go_on = asyncio.Event()

    async def let_go() -> None:
        await go_on.wait()
        await administrator.execute(text("UNLOCK TABLES"))

    async with engine.connect() as administrator:
        await administrator.execute(text("FLUSH TABLES WITH READ LOCK"))
        letting_go = asyncio.create_task(let_go())
        try:
            yield go_on
        finally:
            go_on.set()
            await letting_go
    await engine.dispose()
