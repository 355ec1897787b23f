"""How SQLite differs from other databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Column, Connection, Integer, make_url, text
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect
from sqlalchemy.exc import ArgumentError, DBAPIError

from vimesh.store.dialects.embedded_dialect import EmbeddedDialect
from vimesh.store.dialects.sqlite.sqlite_database import SqliteDatabase
from vimesh.store.dialects.sqlite.sqlite_file import path_of


class SqliteDialect(EmbeddedDialect):
    schemes = ("sqlite",)
    url_form = "sqlite:///<path>"
    sqlalchemy_names = ("sqlite",)

    # SQLite has milliseconds internally; rounding restores them from the floating-point day number.
    now_micros = "CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) * 1000"
    read_only = "0"
    # An INTEGER has 64 bits, and only an INTEGER primary key is the rowid, which orders the table.
    whole_number = Integer()

    def place(self, url: str, lock_timeout_s: float) -> SqliteDatabase:
        try:
            parts = make_url(url)
        except ArgumentError as error:
            raise ValueError("not a URL") from error
        return SqliteDatabase(path_of(parts), lock_timeout_s)

    def product_and_version(self, dialect: SqlalchemyDialect) -> tuple[str, str]:  # noqa: ARG002 - the library is ours
        return "SQLite", sqlite3.sqlite_version

    def byte_length(self, text: str) -> str:
        # octet_length came with SQLite 3.43.
        return f"length(CAST({text} AS BLOB))"

    def clamp(self, lower: str, value: str, upper: str) -> str:
        return f"min(max({value}, {lower}), {upper})"

    def is_among(self, column: str, values: str) -> str:
        return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - the names are ours

    def list_value(self, values: Sequence[Any]) -> str:
        return json.dumps(values)

    def is_match(self, column: str, pattern: str) -> str:
        # LIKE ignores case and GLOB does not.
        return f"{column} GLOB {pattern}"

    def pattern_of(self, wildcards: str) -> str:
        return wildcards.replace("[", "[[]").replace("?", "[?]")

    def rows(self, connection: Connection, sql: str, parameters: tuple[Any, ...]) -> Sequence[Sequence[Any]]:
        with _errors_of_core(sql):
            return _raw(connection).execute(sql, parameters).fetchall()

    def run_many(self, connection: Connection, sql: str, parameters: Sequence[tuple[Any, ...]]) -> int:
        with _errors_of_core(sql):
            return _raw(connection).executemany(sql, parameters).rowcount

    def existing_pairs(
        self, connection: Connection, columns: tuple[Column[Any], Column[Any]], pairs: Collection[tuple[str, str]]
    ) -> Sequence[Sequence[Any]]:
        first, second = columns
        # With IN, all rows would be scanned. As the outer table of a join, each pair is looked up in the index.
        statement = text(
            f"SELECT {first}, {second} FROM json_each(:pairs) AS pair CROSS JOIN {first.table.name} "  # noqa: S608 - the names are ours
            f"ON {first} = json_extract(pair.value, '$[0]') AND {second} = json_extract(pair.value, '$[1]')"
        )
        return connection.execute(statement, {"pairs": json.dumps(list(pairs))}).all()


def _raw(connection: Connection) -> sqlite3.Connection:
    # Bypass SQLAlchemy: a statement takes SQLite a few microseconds, and ten times as long through SQLAlchemy.
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


@contextmanager
def _errors_of_core(sql: str) -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        # Without the parameters, which may be secret.
        raise DBAPIError.instance(sql, None, error, sqlite3.Error, hide_parameters=True) from error
