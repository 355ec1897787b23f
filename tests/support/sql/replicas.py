"""Runs a database server with a replica that can take its place, behind an address that can be moved."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.networks.moving_address import MovingAddress, moving_address
from tests.support.processes.process_groups import ProcessGroup
from tests.support.processes.server_nodes import server_folder
from tests.support.sql.databases import NAME, execute, with_driver
from tests.support.sql.mariadb import MariaDb
from tests.support.sql.postgresql import Postgresql, _environment, _owner, _program
from tests.support.timing.waiting import eventually
from vimesh.store.upgrade.manage_tables import upgrade

_COPY_S = 60
_CATCH_UP_S = 60
_USER, _PASSWORD = "vimesh", "a secret of tests"


class _Cluster(Postgresql):
    """Starts empty, or as a copy of another one that it follows until it is promoted."""

    primary: Postgresql | None = None

    async def install(self) -> None:
        if self.primary is None:
            await super().install()
            return
        if (owner := _owner()) is not None:
            shutil.chown(self._folder, owner)
        copying = await ProcessGroup.start(
            _program("pg_basebackup"),
            *("--pgdata", self.data, "--host", "127.0.0.1", "--port", str(self.primary.port)),
            *("--username", "postgres", "--write-recovery-conf", "--checkpoint=fast"),
            environment=_environment(),
            output=self._output,
            user=owner,
        )
        await asyncio.wait_for(copying.wait(), _COPY_S)
        assert copying.succeeded, self._output.read_text()


class _Logging(MariaDb):
    """Writes the log that a replica needs, from the start."""

    _numbers = itertools.count(1)

    async def install(self) -> None:
        # A reinstalled server gets a new number: otherwise it would skip the events that carry its earlier number.
        self._number = next(self._numbers)
        await super().install()

    def _options(self) -> list[str]:
        binlog = self._folder / "binlog"
        return [f"--server-id={self._number}", f"--log-bin={binlog}", "--log-slave-updates", "--sync-binlog=0"]


class Pair:
    """Two servers, the first of which is in charge at first; both are reached by an address that leads to it."""

    def __init__(self, first: Postgresql | MariaDb, second: Postgresql | MariaDb, address: MovingAddress) -> None:
        self._servers = (first, second)
        self._in_charge = 0
        self.address = address

    @property
    def in_charge(self) -> Postgresql | MariaDb:
        return self._servers[self._in_charge]

    @property
    def other(self) -> Postgresql | MariaDb:
        return self._servers[1 - self._in_charge]

    def url_at(self, port: int) -> str:
        """Return the URL of the database for conductors, at a port."""
        return make_url(self.in_charge.url(NAME, _USER, _PASSWORD)).set(port=port).render_as_string(hide_password=False)

    @property
    def url(self) -> str:
        return self.url_at(self.address.port)

    async def begin(self) -> None:
        """Make the database, and let the other server follow."""
        raise NotImplementedError

    async def stop_writes(self) -> None:
        """Let the server in charge refuse writes, and keep its connections."""
        raise NotImplementedError

    async def allow_writes(self) -> None:
        """Let the server in charge accept writes again."""
        raise NotImplementedError

    async def catch_up(self) -> None:
        """Wait until the other server has every commit; nothing is written in the meantime."""
        raise NotImplementedError

    async def commit_at_both(self) -> None:
        """Let commits be answered only once the other server has them, too."""
        raise NotImplementedError

    async def take_over(self) -> None:
        """Put the other server in charge with all that it has. The address stays where it is."""
        raise NotImplementedError

    async def _follow(self) -> None:
        """Make a replica of the other server, which starts empty."""
        raise NotImplementedError

    async def promote(self) -> None:
        """Put the other server in charge, once it has every commit. The address stays where it is."""
        await self.catch_up()
        await self.take_over()

    async def switch(self) -> None:
        """Let the other server take over, and then move the address. No connection is closed."""
        await self.stop_writes()
        await self.promote()
        self.address.lead_to(self.in_charge.port)

    async def replace(self) -> None:
        """Let the other server take over from one that is gone or hangs, and move the address."""
        await self.take_over()
        self.address.lead_to(self.in_charge.port)

    async def rejoin(self) -> None:
        """Make a new replica of the server that was in charge before."""
        await self.other.kill()
        for path in self.other.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        await self._follow()


class PostgresqlPair(Pair):
    async def begin(self) -> None:
        url = self.in_charge.url("postgres")
        await execute(url, f"CREATE ROLE {_USER} LOGIN", f"CREATE DATABASE {NAME} OWNER {_USER}")
        await self._follow()

    async def _follow(self) -> None:
        assert isinstance(self.other, _Cluster)
        assert isinstance(self.in_charge, _Cluster)
        self.other.primary = self.in_charge
        await self.other.install()
        await self.other.start()

    async def stop_writes(self) -> None:
        await self._set_read_only("on")

    async def allow_writes(self) -> None:
        await self._set_read_only("off")

    async def _set_read_only(self, value: str) -> None:
        url = self.in_charge.url("postgres")
        await execute(url, f"ALTER SYSTEM SET default_transaction_read_only = {value}", "SELECT pg_reload_conf()")

        async def is_set() -> bool:
            return await ask(url, "SHOW default_transaction_read_only") == value

        await eventually(is_set, _CATCH_UP_S)

    async def catch_up(self) -> None:
        old, new = self.in_charge.url("postgres"), self.other.url("postgres")
        # Transactions that began before it was read-only may still write.
        stopped = await ask(old, "SELECT clock_timestamp()::text")
        unfinished = f"SELECT count(*) FROM pg_stat_activity WHERE xact_start < '{stopped}'"

        async def has_all() -> bool:
            if await ask(old, f"{unfinished} AND backend_type = 'client backend'"):
                return False
            sent = await ask(old, "SELECT pg_current_wal_lsn()::text")
            return bool(await ask(new, f"SELECT pg_last_wal_replay_lsn() >= '{sent}'::pg_lsn"))

        await eventually(has_all, _CATCH_UP_S)

    async def commit_at_both(self) -> None:
        await self._set_synchronous(self.in_charge, "*")

        async def is_synchronous() -> bool:
            follows = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            return await ask(self.in_charge.url("postgres"), follows) == 1

        await eventually(is_synchronous, _CATCH_UP_S)

    async def take_over(self) -> None:
        # It may be a copy of a server that waited for replicas.
        await self._set_synchronous(self.other, "")
        await execute(self.other.url("postgres"), "SELECT pg_promote()")
        self._in_charge = 1 - self._in_charge

    async def _set_synchronous(self, server: Postgresql | MariaDb, names: str) -> None:
        set_names = f"ALTER SYSTEM SET synchronous_standby_names = '{names}'"
        await execute(server.url("postgres"), set_names, "SELECT pg_reload_conf()")


class MariaDbPair(Pair):
    async def begin(self) -> None:
        await self._follow()
        await execute(
            self.in_charge.url("mysql"),
            f"CREATE DATABASE {NAME}",
            f"CREATE USER {_USER}@'%' IDENTIFIED BY '{_PASSWORD}'",
            f"GRANT ALL ON {NAME}.* TO {_USER}@'%'",
        )

    async def _follow(self) -> None:
        await self.other.install()
        await self.other.start()
        await execute(
            self.other.url("mysql"),
            "SET GLOBAL rpl_semi_sync_slave_enabled = ON",
            f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={self.in_charge.port}, MASTER_USER='root', "
            "MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos",
            "START SLAVE",
            "SET GLOBAL read_only = ON",
        )

    async def stop_writes(self) -> None:
        await execute(self.in_charge.url("mysql"), "SET GLOBAL read_only = ON")

    async def allow_writes(self) -> None:
        await execute(self.in_charge.url("mysql"), "SET GLOBAL read_only = OFF")

    async def catch_up(self) -> None:
        newest = await ask(self.in_charge.url("mysql"), "SELECT @@gtid_current_pos")
        waited = await ask(self.other.url("mysql"), f"SELECT MASTER_GTID_WAIT('{newest}', {_CATCH_UP_S})")
        assert waited == 0

    async def commit_at_both(self) -> None:
        await self.catch_up()
        url = self.in_charge.url("mysql")
        wait = "SET GLOBAL rpl_semi_sync_master_timeout = 3600000, GLOBAL rpl_semi_sync_master_enabled = ON"
        await execute(url, wait)

        async def is_synchronous() -> bool:
            return str((await row_of(url, "SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'"))["Value"]) == "1"

        await eventually(is_synchronous, _CATCH_UP_S)

    async def take_over(self) -> None:
        url = self.other.url("mysql")
        await execute(url, "STOP SLAVE IO_THREAD")

        async def has_applied_all() -> bool:
            said = await row_of(url, "SHOW SLAVE STATUS")
            return bool(said["Read_Master_Log_Pos"] == said["Exec_Master_Log_Pos"])

        await eventually(has_applied_all, _CATCH_UP_S)
        await execute(url, "STOP SLAVE", "RESET SLAVE ALL", "SET GLOBAL read_only = OFF")
        self._in_charge = 1 - self._in_charge


async def ask(url: str, question: str) -> object:
    """Return the first value of the one row of the answer."""
    return next(iter((await row_of(url, question)).values()))


async def row_of(url: str, question: str) -> Mapping[str, Any]:
    engine = create_async_engine(with_driver(url), isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            return dict((await connection.execute(text(question))).mappings().one())
    finally:
        await engine.dispose()


@asynccontextmanager
async def pair(kind: str) -> AsyncGenerator[Pair]:
    """Run two servers, the second as the replica of the first, and an address. The database has its tables."""
    async with AsyncExitStack() as stack:
        folders = [stack.enter_context(server_folder()) for _ in range(2)]
        nodes: list[Postgresql | MariaDb] = (
            [_Cluster(folder) for folder in folders]
            if kind == "postgresql"
            else [_Logging(folder) for folder in folders]
        )
        for node in nodes:
            stack.push_async_callback(node.stop)
        await nodes[0].install()
        await nodes[0].start()
        address = await stack.enter_async_context(moving_address(nodes[0].port))
        servers = (PostgresqlPair if kind == "postgresql" else MariaDbPair)(nodes[0], nodes[1], address)
        await servers.begin()
        await upgrade(servers.url_at(nodes[0].port))
        yield servers
