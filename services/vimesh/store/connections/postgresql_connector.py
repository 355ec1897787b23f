"""Connections to PostgreSQL, directly or by a pooler that lends its connections out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine

from vimesh.store.connections.connection_errors import ServerRefused
from vimesh.store.connections.host_list import HostList
from vimesh.store.connections.idle_limit import LIMIT_OF_SESSION, POOLED, limit_idleness
from vimesh.store.connections.pooling_dbapi import CACHED, pooling_dbapi
from vimesh.store.urls.postgresql_url import PostgresqlPlace
from vimesh.store.urls.server_addresses import ServerAddress


class PostgresqlConnector:
    """Makes connections to the first of the addresses that takes them, beginning with the one that did the last time.

    A pooler may give each transaction another connection of the server: then no statement stays prepared, and what is
    set is set for one transaction.
    """

    def __init__(self, place: PostgresqlPlace) -> None:
        self._place = place
        self.what = f"database {place.database}"
        self._hosts = HostList(place.addresses, self.what, place.connect_timeout_s, place.tls.certificate)
        self._pooled = place.pooled
        self._lent: WeakSet[Any] = WeakSet()
        """Connections that a pooler lends."""
        self.dialect_url = URL.create("postgresql+asyncpg", database=place.database)

    @property
    def addresses(self) -> tuple[ServerAddress, ...]:
        return self._place.addresses

    def arguments(self) -> Mapping[str, Any]:
        """Return what lets an engine connect by this."""
        return {"module": pooling_dbapi(self.connect)}

    def attach(self, engine: AsyncEngine, *, writes: bool) -> None:
        """Note of each connection whether a pooler is between, and limit idle transactions there."""

        def connected(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
            record.info[POOLED] = pooled = connection.driver_connection in self._lent
            if pooled and writes:
                limit_idleness(engine)

        event.listen(engine.sync_engine, "connect", connected)

    async def connect(self) -> tuple[Any, bool]:
        """Return a connection of the driver, and whether a pooler is between. Raises CannotConnect."""
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
                self._lent.add(connection)
                return connection, True
            await connection.execute(LIMIT_OF_SESSION)
        except BaseException:
            connection.terminate()
            raise
        return connection, False

    async def _open(self, address: ServerAddress, *, pooled: bool) -> Any:  # noqa: ANN401 - the driver has no types
        import asyncpg  # noqa: PLC0415 - there is one only where it is used

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
    """Say whether what answered is not the process of the server that does the work."""
    import asyncpg  # noqa: PLC0415 - there is one only where it is used

    try:
        # Without a name: nothing is left behind where somebody else may work next.
        statement = await connection.prepare("SELECT pg_backend_pid()", name="")
        return bool(await statement.fetchval() != connection.get_server_pid())
    except asyncpg.InvalidSQLStatementNameError:
        # Prepared with one process of the server, and asked of another.
        return True


async def _require_transactions(connection: Any) -> None:  # noqa: ANN401 - the driver has no types
    """Raise Refused by a pooler that gives each statement another connection."""
    import asyncpg  # noqa: PLC0415 - there is one only where it is used

    try:
        await connection.execute("BEGIN")
        await connection.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if "statement pooling" not in str(error):
            raise
        raise ServerRefused(
            "the pooler is in statement mode, which has no transactions; use session or transaction mode"
        ) from error
