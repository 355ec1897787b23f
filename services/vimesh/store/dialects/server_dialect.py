"""Names everything in which database servers differ, and describes a server: how to connect to it, how long to wait."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, ClassVar, Protocol

from sqlalchemy import URL, Connection, Table
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vimesh.domain.errors import BadSetting
from vimesh.store.connections.connection_errors import CannotConnect
from vimesh.store.connections.json_columns import json_text
from vimesh.store.dialects.dialect import Dialect
from vimesh.store.dialects.dump_programs import DumpPrograms
from vimesh.store.dialects.joined_update import JoinedUpdate
from vimesh.store.transactions.database import SETTING
from vimesh.store.urls.database_url import DatabaseUrl, database_url
from vimesh.store.urls.server_addresses import ServerAddress

RenewalSubscription = Callable[[Callable[[], object]], AbstractContextManager[None]]


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

    def dump_programs(self) -> DumpPrograms:
        """Return what copies the database of the server that accepted the last connection. Raises BadSetting."""

    def by_address(self) -> Sequence[DriverConnector]:
        """Return a connector for each of the addresses, that connects to no other."""


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    node: str
    """Identifies the node in its cluster."""
    size: int
    """Nodes in the cluster."""


class ServerDialect(Dialect):
    drivers: ClassVar[Collection[str]]
    """The drivers that a URL may name, "" for none: one copied from another program may name that of the program."""
    driver_module: ClassVar[str]
    """The driver that we use."""
    extra: ClassVar[str]
    """The extra of vimesh that installs it."""
    lock_for_upgrade: ClassVar[str]
    """The SELECT that returns 1 once no other process upgrades the tables."""
    other_sessions: ClassVar[str]
    """The SELECT that counts the other connections to the database."""

    def place(self, url: str, lock_timeout_s: float) -> DatabaseServer:
        """Read a URL. Raises BadSetting, and ValueError for a text that is not a URL."""
        parts = database_url(url)
        if parts.driver not in self.drivers:
            raise BadSetting(SETTING, f"{parts.scheme} is not used here; leave the driver out: {parts.backend}://...")
        connector = self.connector(parts)
        if find_spec(self.driver_module) is None:
            raise BadSetting(SETTING, f"{parts.backend} needs a driver: pip install 'vimesh[{self.extra}]'")
        return DatabaseServer(self, connector, lock_timeout_s)

    @abstractmethod
    def connector(self, url: DatabaseUrl) -> DriverConnector:
        """Return what connects to the server of a URL. Raises BadSetting."""

    @abstractmethod
    def product(self, dialect: SqlalchemyDialect) -> tuple[str, tuple[int, ...]]:
        """Return which product the server is, and its oldest version that is supported."""

    def product_and_version(self, dialect: SqlalchemyDialect) -> tuple[str, str]:
        product, _ = self.product(dialect)
        return product, ".".join(map(str, numbered_version(dialect)))

    @abstractmethod
    def joined_update(self, table: Table, keys: Sequence[str], columns: Sequence[str]) -> JoinedUpdate:
        """Return what updates many rows in one statement: a server is asked over a network."""

    def cluster_place(self, connection: Connection) -> ClusterPlace | None:  # noqa: ARG002 - of dialects that have clusters
        """Return which node of a cluster of writers the server is; None if it is in none."""
        return None

    def prepare_upgrade(self, connection: Connection) -> None:
        """Prepare to change the tables. Raises BadSetting for a database that cannot store all text."""

    async def listen(
        self, engine: AsyncEngine, on_commit: Callable[[], None], on_renewal: RenewalSubscription, limit_s: float
    ) -> None:
        """Call `on_commit` at each commit. Return early if the server does not notify of commits.

        `on_renewal` calls its argument when the connection must no longer be used.
        Raises OSError, or DBAPIError, when the connection breaks.
        """


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    dialect: ServerDialect
    connector: DriverConnector
    lock_timeout_s: float
    """How long a transaction may take, including the wait for other writers."""

    @property
    def url(self) -> URL:
        """The URL of driver and database; the connector has the rest."""
        return self.connector.dialect_url

    def by_address(self) -> list[DatabaseServer]:
        """Return the server at each address."""
        return [replace(self, connector=connector) for connector in self.connector.by_address()]

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
            json_serializer=json_text,
            **self.connector.arguments(),
        )
        if watch is not None:
            watch(engine)
        self.connector.attach(engine, writes=isolation_level != "AUTOCOMMIT")
        return engine


def numbered_version(dialect: SqlalchemyDialect) -> tuple[int, ...]:
    """Return the version of the server, without what products add in words."""
    return tuple(part for part in dialect.server_version_info or () if isinstance(part, int))[:3]


def cannot_connect(connector: DriverConnector, cause: str) -> CannotConnect:
    """Return the error for a cause that all addresses share."""
    return CannotConnect(connector.description, [(address, cause) for address in connector.addresses])
