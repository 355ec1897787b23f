"""Which versions of database servers can be used."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Dialect

from vimesh.store.connections.database_server import DriverConnector, cannot_connect

# JSON_TABLE came with these versions of MariaDB and MySQL, and PostgreSQL 12 is the oldest that its makers kept alive
# while these were new.
OLDEST: Final = {"PostgreSQL": (12,), "MariaDB": (10, 6), "MySQL": (8, 0, 17)}


def require_new_enough(dialect: Dialect, connector: DriverConnector) -> None:
    """Raise CannotConnect for a server that is too old. The dialect knows its version after the first connection."""
    kind = _kind(dialect)
    found = tuple(part for part in dialect.server_version_info or () if isinstance(part, int))[:3]
    if found < OLDEST[kind]:
        raise cannot_connect(connector, f"{kind} {_text(found)} is too old; {_text(OLDEST[kind])} or newer is needed")


def _kind(dialect: Dialect) -> str:
    if dialect.name == "postgresql":
        return "PostgreSQL"
    return "MariaDB" if getattr(dialect, "is_mariadb", False) else "MySQL"


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
