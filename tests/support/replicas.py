"""A database server with a replica that can take its place, behind an address that can be moved."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.databases import NAME, _folder, execute, with_driver
from tests.support.mariadb import MariaDb
from tests.support.moving_address import MovingAddress, moving_address
from tests.support.postgresql import Postgresql, _environment, _owner, _program
from tests.support.process_groups import ProcessGroup
from tests.support.waiting import eventually
from vimesh.store.schema import upgrade

_COPY_S = 60
_CATCH_UP_S = 60
_USER, _PASSWORD = "vimesh", "a secret of tests"


class _Standby(Postgresql):
    """Follows another cluster until it is promoted."""

    def __init__(self, folder: Path, primary: Postgresql) -> None:
        super().__init__(folder)
        self._primary = primary

    async def install(self) -> None:
        if (owner := _owner()) is not None:
            shutil.chown(self._folder, owner)
        copying = await ProcessGroup.start(
            _program("pg_basebackup"),
            *("--pgdata", self._data, "--host", "127.0.0.1", "--port", str(self._primary.port)),
            *("--username", "postgres", "--write-recovery-conf", "--checkpoint=fast"),
            environment=_environment(),
            output=self._output,
            user=owner,
        )
        await asyncio.wait_for(copying.wait(), _COPY_S)
        assert copying.succeeded, self._output.read_text()


class _Logging(MariaDb):
    """Writes down what a replica needs."""

    def __init__(self, folder: Path, number: int) -> None:
        super().__init__(folder)
        self._number = number

    def _options(self) -> list[str]:
        return [f"--server-id={self._number}", f"--log-bin={self._folder / 'binlog'}", "--sync-binlog=0"]


class Pair:
    """Two servers. The first is in charge at first; both are reached by an address that leads to it."""

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
        """Name the database as conductors do, at a port."""
        return make_url(self.in_charge.url(NAME, _USER, _PASSWORD)).set(port=port).render_as_string(hide_password=False)

    @property
    def url(self) -> str:
        return self.url_at(self.address.port)

    async def stop_writes(self) -> None:
        """Have the server in charge take no writes, and keep its connections."""
        raise NotImplementedError

    async def allow_writes(self) -> None:
        """Undo that."""
        raise NotImplementedError

    async def promote(self) -> None:
        """Put the other one in charge, once it has all that was committed. The address stays where it is."""
        raise NotImplementedError

    async def switch(self) -> None:
        """Let the other one take over, and then move the address. No connection is ended."""
        await self.stop_writes()
        await self.promote()
        self.address.lead_to(self.in_charge.port)


class PostgresqlPair(Pair):
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

    async def promote(self) -> None:
        old, new = self.in_charge.url("postgres"), self.other.url("postgres")

        # What began before it was read-only may still write.
        stopped = await ask(old, "SELECT clock_timestamp()::text")
        unfinished = f"SELECT count(*) FROM pg_stat_activity WHERE xact_start < '{stopped}'"

        async def has_all() -> bool:
            if await ask(old, f"{unfinished} AND backend_type = 'client backend'"):
                return False
            sent = await ask(old, "SELECT pg_current_wal_lsn()::text")
            return bool(await ask(new, f"SELECT pg_last_wal_replay_lsn() >= '{sent}'::pg_lsn"))

        await eventually(has_all, _CATCH_UP_S)
        await execute(new, "SELECT pg_promote()")
        self._in_charge = 1 - self._in_charge


class MariaDbPair(Pair):
    async def stop_writes(self) -> None:
        await execute(self.in_charge.url("mysql"), "SET GLOBAL read_only = ON")

    async def allow_writes(self) -> None:
        await execute(self.in_charge.url("mysql"), "SET GLOBAL read_only = OFF")

    async def promote(self) -> None:
        old, new = self.in_charge.url("mysql"), self.other.url("mysql")
        newest = await ask(old, "SELECT @@gtid_current_pos")
        assert await ask(new, f"SELECT MASTER_GTID_WAIT('{newest}', {_CATCH_UP_S})") == 0
        await execute(new, "STOP SLAVE", "RESET SLAVE ALL", "SET GLOBAL read_only = OFF")
        self._in_charge = 1 - self._in_charge


async def ask(url: str, question: str) -> object:
    """Return the one value of the answer."""
    engine = create_async_engine(with_driver(url), isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text(question))).scalar_one()
    finally:
        await engine.dispose()


@asynccontextmanager
async def pair(kind: str) -> AsyncGenerator[Pair]:
    """Run two servers, the second as the replica of the first, and an address. The database has its tables."""
    async with AsyncExitStack() as stack:
        folders = [stack.enter_context(_folder()) for _ in range(2)]
        if kind == "postgresql":
            yield await _postgresql(stack, folders)
        else:
            yield await _mariadb(stack, folders)


async def _started(stack: AsyncExitStack, node: Postgresql | MariaDb) -> None:
    await node.install()
    await node.start()
    stack.push_async_callback(node.stop)


async def _postgresql(stack: AsyncExitStack, folders: list[Path]) -> Pair:
    first = Postgresql(folders[0])
    await _started(stack, first)
    second = _Standby(folders[1], first)
    await execute(first.url("postgres"), f"CREATE ROLE {_USER} LOGIN", f"CREATE DATABASE {NAME} OWNER {_USER}")
    await _started(stack, second)
    servers = PostgresqlPair(first, second, await stack.enter_async_context(moving_address(first.port)))
    await upgrade(servers.url_at(first.port))
    return servers


async def _mariadb(stack: AsyncExitStack, folders: list[Path]) -> Pair:
    first, second = (_Logging(folder, number) for number, folder in enumerate(folders, 1))
    await asyncio.gather(_started(stack, first), _started(stack, second))
    await execute(
        second.url("mysql"),
        f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={first.port}, MASTER_USER='root', "
        "MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos",
        "START SLAVE",
        "SET GLOBAL read_only = ON",
    )
    await execute(
        first.url("mysql"),
        f"CREATE DATABASE {NAME}",
        f"CREATE USER {_USER}@'%' IDENTIFIED BY '{_PASSWORD}'",
        f"GRANT ALL ON {NAME}.* TO {_USER}@'%'",
    )
    servers = MariaDbPair(first, second, await stack.enter_async_context(moving_address(first.port)))
    await upgrade(servers.url_at(first.port))
    return servers
