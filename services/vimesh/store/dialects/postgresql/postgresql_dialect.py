"""How PostgreSQL differs from other databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, String, Table, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import TypeEngine

from vimesh.domain.errors import BadSetting
from vimesh.store.dialects.postgresql.array_update import ArrayUpdate
from vimesh.store.dialects.postgresql.commit_listener import COMMITS, listen
from vimesh.store.dialects.postgresql.postgresql_connector import PostgresqlConnector
from vimesh.store.dialects.postgresql.postgresql_errors import POSTGRESQL_ERRORS
from vimesh.store.dialects.postgresql.postgresql_url import postgresql_place
from vimesh.store.dialects.server_dialect import DriverConnector, RenewalSubscription, ServerDialect
from vimesh.store.transactions.database import SETTING
from vimesh.store.urls.database_url import DatabaseUrl

_NOTIFY = select(func.pg_notify(COMMITS, ""))  # delivered when the transaction commits


class PostgresqlDialect(ServerDialect):
    schemes = ("postgresql", "postgres")
    url_form = "postgresql://<user>:<password>@<host>/<database>"
    sqlalchemy_names = ("postgresql",)
    errors = POSTGRESQL_ERRORS
    drivers = ("", "asyncpg", "pg8000", "psycopg", "psycopg_async", "psycopg2", "psycopg2cffi")
    driver_module = "asyncpg"
    extra = "postgresql"

    now_micros = "(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::BIGINT"
    # It is on during recovery, too.
    read_only = "current_setting('transaction_read_only') = 'on'"
    # The lock belongs to the transaction: behind a pooler, the next transaction may use another session.
    lock_for_upgrade = "SELECT 1 FROM pg_advisory_xact_lock(hashtext('vimesh.schema'))"
    # Those with our name only: a monitoring system may be connected, too.
    other_sessions = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND application_name = current_setting('application_name')"
    )

    def connector(self, url: DatabaseUrl) -> DriverConnector:
        return PostgresqlConnector(postgresql_place(url))

    def product(self, dialect: SqlalchemyDialect) -> tuple[str, tuple[int, ...]]:  # noqa: ARG002 - there is one product
        # Versions before 12 are no longer maintained.
        return "PostgreSQL", (12,)

    def is_among(self, column: str, values: str) -> str:
        return f"{column} = ANY({values})"

    def list_type(self, kind: TypeEngine[Any]) -> TypeEngine[Any]:
        return postgresql.ARRAY(kind)

    def list_value(self, values: Sequence[Any]) -> Sequence[Any]:
        return values

    def word(self, length: int) -> TypeEngine[Any]:
        return String(length, collation="C")

    def leave_room_in_pages(self, table: str) -> str:
        return f"ALTER TABLE {table} SET (fillfactor = 50)"

    def joined_update(self, table: Table, keys: Sequence[str], columns: Sequence[str]) -> ArrayUpdate:
        return ArrayUpdate(table, keys, columns)

    def notify_of_commit(self, connection: Connection) -> None:
        connection.execute(_NOTIFY)

    async def listen(
        self, engine: AsyncEngine, on_commit: Callable[[], None], on_renewal: RenewalSubscription, limit_s: float
    ) -> None:
        await listen(engine, on_commit, on_renewal, limit_s)

    def prepare_upgrade(self, connection: Connection) -> None:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise BadSetting(SETTING, f"the database keeps text as {encoding}; make one with ENCODING 'UTF8'")
