"""Opens the database that a URL names."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import Final

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from vimesh.domain.errors import BadSetting
from vimesh.store.connections.database_server import DatabaseServer, DriverConnector
from vimesh.store.connections.mysql_connector import MysqlConnector
from vimesh.store.connections.postgresql_connector import PostgresqlConnector
from vimesh.store.databases.queued_database import QueuedDatabase
from vimesh.store.databases.server_database import ServerTransactions
from vimesh.store.databases.sqlite_database import SqliteTransactions
from vimesh.store.databases.sqlite_file import SqliteFile, sqlite_file
from vimesh.store.transactions.database import SETTING, Database
from vimesh.store.urls.database_url import FORMS, DatabaseUrl, database_url
from vimesh.store.urls.mysql_url import mysql_place
from vimesh.store.urls.postgresql_url import postgresql_place

_KINDS: Final = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
# A URL copied from another program may name the driver of that program: the server is the same.
_DRIVERS: Final = {
    "postgresql": ("", "asyncpg", "pg8000", "psycopg", "psycopg_async", "psycopg2", "psycopg2cffi"),
    "mysql": ("", "aiomysql", "asyncmy", "cymysql", "mariadbconnector", "mysqlconnector", "mysqldb", "pymysql"),
}
_NEEDED: Final = {"postgresql": "asyncpg", "mysql": "asyncmy"}


def parse_database_url(url: str, lock_timeout_s: float | None = None) -> SqliteFile | DatabaseServer:
    """Read a database URL. Raises BadSetting."""
    place = _sqlite(url) if url.startswith("sqlite") else DatabaseServer(_connector(database_url(url)))
    return place if lock_timeout_s is None else replace(place, lock_timeout_s=lock_timeout_s)


def _sqlite(text: str) -> SqliteFile:
    try:
        return sqlite_file(make_url(text))
    except (ArgumentError, ValueError):
        raise BadSetting(SETTING, f"must look like {FORMS}") from None


def _connector(url: DatabaseUrl) -> DriverConnector:
    kind = _KINDS.get(url.backend)
    if kind is None:
        raise BadSetting(SETTING, f"{url.backend} is not served; use {FORMS}")
    if url.driver not in _DRIVERS[kind]:
        raise BadSetting(SETTING, f"{url.scheme} is not used here; leave the driver out: {url.backend}://...")
    connector: DriverConnector = (
        PostgresqlConnector(postgresql_place(url)) if kind == "postgresql" else MysqlConnector(mysql_place(url))
    )
    if find_spec(_NEEDED[kind]) is None:
        raise BadSetting(SETTING, f"{url.backend} needs a driver: pip install 'vimesh[{kind}]'")
    return connector


@asynccontextmanager
async def open_database(place: SqliteFile | DatabaseServer) -> AsyncGenerator[Database]:
    """Open the database. It need not be reachable."""
    transactions = SqliteTransactions(place) if isinstance(place, SqliteFile) else ServerTransactions(place)
    database = QueuedDatabase(transactions, patience_s=place.lock_timeout_s)
    try:
        yield database
    finally:
        await database.close()
