"""A database server: how to connect to it, and how long to wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vimesh.store.connections.connection_errors import CannotConnect
from vimesh.store.urls.server_addresses import ServerAddress


class DriverConnector(Protocol):
    """Makes connections. Engines share one: it remembers which address took the last."""

    dialect_url: URL
    """Names the driver and the database, and holds no secret."""
    what: str
    """What it connects to, in words."""

    @property
    def addresses(self) -> tuple[ServerAddress, ...]:
        """All that the URL names."""

    def arguments(self) -> Mapping[str, Any]:
        """Return what lets an engine connect by this. Then it raises CannotConnect."""

    def attach(self, engine: AsyncEngine, *, writes: bool) -> None:
        """Prepare what else an engine has to do with its connections."""


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    connector: DriverConnector
    lock_timeout_s: float = 5.0
    """How long a transaction may take, waiting for other writers included."""

    @property
    def url(self) -> URL:
        """Name the driver and the database: of the rest, the connector knows."""
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
            isolation_level=isolation_level,
            hide_parameters=True,  # errors are logged, and parameters may be secret
            **self.connector.arguments(),
        )
        if watch is not None:
            watch(engine)
        self.connector.attach(engine, writes=isolation_level != "AUTOCOMMIT")
        return engine


def cannot_connect(connector: DriverConnector, cause: str) -> CannotConnect:
    """Return the error of a cause that all addresses share."""
    return CannotConnect(connector.what, [(address, cause) for address in connector.addresses])
