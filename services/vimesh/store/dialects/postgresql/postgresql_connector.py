"""Connects to PostgreSQL, directly or through a pooler that lends out its connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine

from vimesh.store.connections.connection_errors import ServerRefused
from vimesh.store.connections.host_list import HostList
from vimesh.store.dialects.postgresql.idle_limit import LIMIT_OF_SESSION, POOLED, limit_idleness
from vimesh.store.dialects.postgresql.pooling_dbapi import CACHED, pooling_dbapi
from vimesh.store.dialects.postgresql.postgresql_dump import PostgresqlDump
from vimesh.store.dialects.postgresql.postgresql_errors import POSTGRESQL_ERRORS
from vimesh.store.dialects.postgresql.postgresql_url import PostgresqlPlace
from vimesh.store.urls.server_addresses import ServerAddress


class PostgresqlConnector:
    """Connects to the first address that accepts, starting with the one that accepted last time.

    A pooler may give each transaction another server connection: then no statement stays prepared, and settings apply
    to one transaction only.
    """

    def __init__(self, place: PostgresqlPlace) -> None:
        self._place = place
        self.description = f"database {place.database}"
        self._hosts = HostList(
            place.addresses, self.description, place.connect_timeout_s, place.tls.certificate, POSTGRESQL_ERRORS
        )
        self._pooled = place.pooled
        self._pooled_connections: WeakSet[Any] = WeakSet()
        """Connections that go through a pooler."""
        self.dialect_url = URL.create("postgresql+asyncpg", database=place.database)

    @property
    def addresses(self) -> tuple[ServerAddress, ...]:
        return self._place.addresses

    def arguments(self) -> Mapping[str, Any]:
        """Return the `create_engine` arguments that make an engine connect through this."""
        return {"module": pooling_dbapi(self.connect)}

    def attach(self, engine: AsyncEngine, *, writes: bool) -> None:
        """Note for each connection whether it goes through a pooler, and limit idle transactions there."""

        def connected(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
            record.info[POOLED] = pooled = connection.driver_connection in self._pooled_connections
            if pooled and writes:
                limit_idleness(engine)

        event.listen(engine.sync_engine, "connect", connected)

    def dump_programs(self) -> PostgresqlDump:
        """Return what copies the database of the server that accepted the last connection."""
        return PostgresqlDump(self._place, self._hosts.preferred)

    def by_address(self) -> Sequence[PostgresqlConnector]:
        """Return a connector for each address."""
        return [PostgresqlConnector(replace(self._place, addresses=(each,))) for each in self.addresses]

    async def connect(self) -> tuple[Any, bool]:
        """Return a connection of the driver, and whether it goes through a pooler. Raises CannotConnect."""
        return await self._hosts.first(self._connect)

    async def _connect(self, address: ServerAddress) -> tuple[Any, bool]:
        connection = await self._open(address, pooled=self._pooled)
        try:
            if self._pooled or await _is_pooled(connection):
                if not self._pooled:
                    self._pooled = True
                    connection.terminate()
                    connection = await self._open(address, pooled=True)
                await _require_transactions(connection)
                self._pooled_connections.add(connection)
                return connection, True
            await connection.execute(LIMIT_OF_SESSION)
        except BaseException:
            connection.terminate()
            raise
        return connection, False

    async def _open(self, address: ServerAddress, *, pooled: bool) -> Any:  # noqa: ANN401 - the driver has no types
        import asyncpg  # noqa: PLC0415 - optional dependency

        place = self._place
        try:
            return await asyncpg.connect(
                host=address.host,
                port=address.port,
                user=place.user or None,
                password=place.password or None,
                passfile=place.passfile or None,
                database=place.database,
                server_settings=dict(place.settings),
                target_session_attrs=place.session,
                statement_cache_size=0 if pooled else CACHED,
                **place.tls.arguments(),
            )
        except asyncpg.TargetServerAttributeNotMatched as error:
            raise ServerRefused(f"takes no writes, and target_session_attrs={place.session} asks for them") from error


async def _is_pooled(connection: Any) -> bool:  # noqa: ANN401 - the driver has no types
    """Return whether a pooler answers: the process that runs a statement is not the one that we connected to."""
    import asyncpg  # noqa: PLC0415 - optional dependency

    try:
        # Unnamed, so that nothing is left in a session that another client may use next.
        statement = await connection.prepare("SELECT pg_backend_pid()", name="")
        return bool(await statement.fetchval() != connection.get_server_pid())
    except asyncpg.InvalidSQLStatementNameError:
        # Prepared in one server process and executed in another.
        return True


async def _require_transactions(connection: Any) -> None:  # noqa: ANN401 - the driver has no types
    """Raise ServerRefused for a pooler that gives each statement another connection."""
    import asyncpg  # noqa: PLC0415 - optional dependency

    try:
        await connection.execute("BEGIN")
        await connection.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if "statement pooling" not in str(error):
            raise
        raise ServerRefused(
            "the pooler is in statement mode, which has no transactions; use session or transaction mode"
        ) from error
