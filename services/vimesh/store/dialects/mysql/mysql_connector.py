"""Connects to MariaDB or MySQL."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from vimesh.store.connections.connection_errors import ServerRefused
from vimesh.store.connections.host_list import HostList
from vimesh.store.dialects.mysql.causal_reads import read_causally
from vimesh.store.dialects.mysql.mysql_dump import MysqlDump
from vimesh.store.dialects.mysql.mysql_errors import MYSQL_ERRORS
from vimesh.store.dialects.mysql.mysql_url import MysqlPlace
from vimesh.store.urls.server_addresses import ServerAddress

_IDLE_S: Final = 10
"""Seconds: a process that stops in the middle of a transaction must not block the others for longer."""
# A time zone with daylight saving time would let the clock go back; a lax mode truncates text that is too long. Only
# MariaDB reads the part in the comment.
_BEGIN_SESSION: Final = (
    "SET time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION' "
    f"/*M! , idle_transaction_timeout = {_IDLE_S} */"
)


class MysqlConnector:
    def __init__(self, place: MysqlPlace) -> None:
        self._place = place
        # "mysql" serves both: SQLAlchemy detects MariaDB by itself.
        self.dialect_url = URL.create("mysql+asyncmy", database=place.database)
        self.description = f"database {place.database}"
        self._hosts = HostList(place.addresses, self.description, place.connect_timeout_s, place.tls.cert, MYSQL_ERRORS)

    @property
    def addresses(self) -> tuple[ServerAddress, ...]:
        return self._place.addresses

    def arguments(self) -> Mapping[str, Any]:
        """Return the `create_engine` arguments that make an engine connect through this."""
        return {"connect_args": {"async_creator_fn": self.connect}}

    def attach(self, engine: AsyncEngine, *, writes: bool) -> None:  # noqa: ARG002 - only PostgreSQL needs it
        """Make connections to a node of a Galera cluster wait for the other nodes."""
        # The driver logs each note of the server as a warning, with text that may quote values.
        logging.getLogger("asyncmy").setLevel(logging.ERROR)
        read_causally(engine)

    def dump_programs(self) -> MysqlDump:
        """Return what copies the database of the server that accepted the last connection. Raises BadSetting."""
        return MysqlDump(self._place, self._hosts.preferred)

    def by_address(self) -> Sequence[MysqlConnector]:
        """Return a connector for each address."""
        return [MysqlConnector(replace(self._place, addresses=(each,))) for each in self.addresses]

    async def connect(self, *, client_flag: int = 0, **_: object) -> Any:  # noqa: ANN401 - the driver's connection
        """Return a connection of the driver. Raises CannotConnect."""
        return await self._hosts.first(lambda address: self._connect(address, client_flag))

    async def _connect(self, address: ServerAddress, client_flag: int) -> Any:  # noqa: ANN401 - the driver's connection
        tls = self._place.tls
        try:
            connection = await self._open(address, tls.context(by_socket=address.is_socket), client_flag)
        except _NoTls:
            if tls.mode != "PREFERRED":
                raise
            connection = await self._open(address, None, client_flag)
        if len(self.addresses) > 1:
            await _require_writable(connection)
        return connection

    async def _open(self, address: ServerAddress, context: ssl.SSLContext | None, client_flag: int) -> Any:  # noqa: ANN401 - the driver's connection
        from asyncmy.connection import Connection  # noqa: PLC0415 - optional dependency
        from asyncmy.constants.CLIENT import SSL  # noqa: PLC0415 - as above

        place = self._place
        where = {"unix_socket": address.host} if address.is_socket else {"host": address.host, "port": address.port}
        connection = Connection(  # type: ignore[no-untyped-call]  # untyped in its stub
            **where,
            user=place.user or None,
            password=place.password.encode(),  # the driver would encode a str as Latin-1; servers expect UTF-8
            database=place.database,
            charset="utf8mb4",
            init_command=_BEGIN_SESSION,
            program_name=place.program,
            ssl=context,
            client_flag=client_flag,
        )
        try:
            await connection.connect()
        except Exception as error:
            offered = getattr(connection, "server_capabilities", SSL) & SSL
            if context is not None and not offered:
                raise _NoTls from error
            raise
        return connection


async def _require_writable(connection: Any) -> None:  # noqa: ANN401 - the driver's connection
    """Raise ServerRefused if one of several hosts is read-only. A Galera node without its cluster rejects the query."""
    async with connection.cursor() as cursor:
        await cursor.execute("SELECT @@global.read_only")
        if (await cursor.fetchone())[0] not in {0, "0", "OFF"}:
            connection.close()
            raise ServerRefused("takes no writes, and of several hosts one is wanted that does")


class _NoTls(ServerRefused):
    def __init__(self) -> None:
        super().__init__("TLS: the server does not offer it")
