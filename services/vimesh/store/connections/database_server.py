"""Describes a database server: how to connect to it, and how long to wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vimesh.store.connections.connection_errors import CannotConnect
from vimesh.store.urls.server_addresses import ServerAddress


class DriverConnector(Protocol):
    """Makes connections. All engines share one connector: it remembers which address accepted the last connection."""

    dialect_url: URL
    """Names the driver and the database, and contains no secret."""
    description: str
    """The target of the connections, in words."""

    @property
    def addresses(self) -> tuple[ServerAddress, ...]:
        """All addresses that the URL names."""

    def arguments(self) -> Mapping[str, Any]:
        """Return the `create_engine` arguments that make an engine connect through this, and raise CannotConnect."""

    def attach(self, engine: AsyncEngine, *, writes: bool) -> None:
        """Add the listeners that an engine needs for its connections."""


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    connector: DriverConnector
    lock_timeout_s: float = 5.0
    """How long a transaction may take, including the wait for other writers."""

    @property
    def url(self) -> URL:
        """The URL of driver and database; the connector has the rest."""
        return self.connector.dialect_url

    def engine(
        self, connections: int, isolation_level: str, watch: Callable[[AsyncEngine], object] | None = None
    ) -> AsyncEngine:
        """Return an engine; `watch` is called with it before it can connect."""
        engine = create_async_engine(
            self.url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=self.lock_timeout_s,
            # Every transaction ends with COMMIT or ROLLBACK before its connection is returned. Another ROLLBACK would
            # cost a round trip and cannot be cancelled in SQLAlchemy: a server that hangs would block the only
            # connection that writes for as long as it hangs.
            pool_reset_on_return=None,
            isolation_level=isolation_level,
            hide_parameters=True,  # errors are logged, and parameters may be secret
            **self.connector.arguments(),
        )
        if watch is not None:
            watch(engine)
        self.connector.attach(engine, writes=isolation_level != "AUTOCOMMIT")
        return engine


def cannot_connect(connector: DriverConnector, cause: str) -> CannotConnect:
    """Return the error for a cause that all addresses share."""
    return CannotConnect(connector.description, [(address, cause) for address in connector.addresses])
