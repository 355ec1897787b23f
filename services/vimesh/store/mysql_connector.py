"""Connections to MariaDB or MySQL."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from vimesh.store.addresses import Address
from vimesh.store.connection_errors import CannotConnect, Refused, cause_of
from vimesh.store.mysql_url import MysqlPlace

_IDLE_S: Final = 10
"""A process that stops in the middle of a transaction must not keep the others waiting for longer."""
_CONNECT_S: Final = 4.0
# A time zone with a summer time would let the clock go back; a lax mode cuts text that is too long. The rest is read by
# MariaDB only.
_BEGIN_SESSION: Final = (
    "SET time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION' "
    f"/*M! , idle_transaction_timeout = {_IDLE_S} */"
)


class MysqlConnector:
    def __init__(self, place: MysqlPlace) -> None:
        self._place = place
        # To SQLAlchemy MariaDB is a kind of mysql; it finds out which by itself.
        self.dialect_url = URL.create("mysql+asyncmy", database=place.database)
        self.what = f"database {place.database}"

    @property
    def addresses(self) -> tuple[Address, ...]:
        return (self._place.address,)

    def arguments(self) -> Mapping[str, Any]:
        """Return what lets an engine connect by this."""
        return {"connect_args": {"async_creator_fn": self.connect}}

    def attach(self, engine: AsyncEngine, *, writes: bool) -> None:
        """Do nothing: all connections are alike."""

    async def connect(self, *, client_flag: int = 0, **_: object) -> Any:  # noqa: ANN401 - the driver's connection
        """Raises CannotConnect."""
        limit_s = self._place.connect_timeout_s or _CONNECT_S
        try:
            async with asyncio.timeout(limit_s):
                return await self._connect(client_flag)
        except TimeoutError as error:
            raise self._refused(f"no answer within {limit_s:g} s") from error
        except Exception as error:  # whatever answers there, it is no MariaDB that lets us in
            raise self._refused(cause_of(error, self._place.tls.cert)) from error

    async def _connect(self, client_flag: int) -> Any:  # noqa: ANN401 - the driver's connection
        context = self._place.tls.context(by_socket=self._place.address.is_socket)
        try:
            return await self._open(context, client_flag)
        except _NoTls:
            if self._place.tls.mode != "PREFERRED":
                raise
            return await self._open(None, client_flag)

    async def _open(self, context: ssl.SSLContext | None, client_flag: int) -> Any:  # noqa: ANN401 - the driver's connection
        from asyncmy.connection import Connection  # noqa: PLC0415 - there is one only where it is used
        from asyncmy.constants.CLIENT import SSL  # noqa: PLC0415

        place = self._place
        where = (
            {"unix_socket": place.address.host}
            if place.address.is_socket
            else {"host": place.address.host, "port": place.address.port}
        )
        connection = Connection(  # type: ignore[no-untyped-call]  # its stub says nothing
            **where,
            user=place.user or None,
            password=place.password.encode(),  # of a text it would take Latin-1, and servers take UTF-8
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

    def _refused(self, cause: str) -> CannotConnect:
        return CannotConnect(self.what, [(self._place.address, cause)])


class _NoTls(Refused):
    def __init__(self) -> None:
        super().__init__("TLS: the server does not offer it")
