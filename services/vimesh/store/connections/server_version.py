"""Checks that the version of a database server is supported."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Dialect

from vimesh.store.connections.database_server import DriverConnector, cannot_connect

# MariaDB 10.6 introduced JSON_TABLE, and MySQL 8.0.17 the collation utf8mb4_0900_bin (see `migrations.once`).
# PostgreSQL before 12 is no longer maintained.
OLDEST: Final = {"PostgreSQL": (12,), "MariaDB": (10, 6), "MySQL": (8, 0, 17)}


def require_new_enough(dialect: Dialect, connector: DriverConnector) -> None:
    """Raise CannotConnect for a server that is too old. The dialect knows its version after the first connection."""
    kind = _kind(dialect)
    version = tuple(part for part in dialect.server_version_info or () if isinstance(part, int))[:3]
    if version < OLDEST[kind]:
        raise cannot_connect(connector, f"{kind} {_text(version)} is too old; {_text(OLDEST[kind])} or newer is needed")


def _kind(dialect: Dialect) -> str:
    if dialect.name == "postgresql":
        return "PostgreSQL"
    return "MariaDB" if getattr(dialect, "is_mariadb", False) else "MySQL"


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
