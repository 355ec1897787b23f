"""What a database URL names."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from vimesh.domain.errors import BadSetting
from vimesh.store.database import SETTING, Database
from vimesh.store.laned import LanedDatabase
from vimesh.store.server_database import Server, ServerTransactions
from vimesh.store.sqlite_database import SqliteTransactions
from vimesh.store.sqlite_file import SqliteFile, sqlite_file

_FORMS = "sqlite:///<path>, postgresql://<user>:<password>@<host>/<database> or mysql://... for MariaDB"
_DRIVERS = {"postgresql": "asyncpg", "mysql": "asyncmy", "mariadb": "asyncmy"}
# As libpq calls it, and as the driver does.
_SAME = {"sslmode": "ssl"}
_OPTIONS = {"postgresql": {"ssl"}}
_EXTRAS = {"asyncpg": "postgresql", "asyncmy": "mysql"}


def place_of(database_url: str, lock_timeout_s: float | None = None) -> SqliteFile | Server:
    """Read a database URL. Raises BadSetting."""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        # Without its cause: that quotes the URL, or a part of the password that it took for a port.
        raise BadSetting(SETTING, f"must look like {_FORMS}") from None
    place = sqlite_file(url) if url.get_backend_name() == "sqlite" else _server(url)
    return place if lock_timeout_s is None else replace(place, lock_timeout_s=lock_timeout_s)


def _server(url: URL) -> Server:
    backend = url.get_backend_name()
    driver = _DRIVERS.get(backend)
    if driver is None:
        raise BadSetting(SETTING, f"{backend} is not served; use {_FORMS}")
    if url.drivername not in (backend, f"{backend}+{driver}"):
        raise BadSetting(SETTING, f"{url.drivername} is not used here; leave the driver out: {backend}://...")
    if not url.database:
        raise BadSetting(SETTING, f"names no database; use {_FORMS}")
    options = {_SAME.get(key, key): value for key, value in url.query.items()}
    if unknown := sorted(set(options) - _OPTIONS.get(backend, set())):
        raise BadSetting(SETTING, f"has options that are not known here: {', '.join(unknown)}")
    if find_spec(driver) is None:
        raise BadSetting(SETTING, f"{backend} needs a driver: pip install 'vimesh[{_EXTRAS[driver]}]'")
    # To SQLAlchemy MariaDB is a kind of mysql; it finds out which by itself.
    kind = "postgresql" if backend == "postgresql" else "mysql"
    return Server(url.set(drivername=f"{kind}+{driver}", query=options))


@asynccontextmanager
async def open_database(place: SqliteFile | Server) -> AsyncGenerator[Database]:
    """Open the database, which may be away."""
    transactions = SqliteTransactions(place) if isinstance(place, SqliteFile) else ServerTransactions(place)
    database = LanedDatabase(transactions, patience_s=place.lock_timeout_s)
    try:
        yield database
    finally:
        await database.close()
