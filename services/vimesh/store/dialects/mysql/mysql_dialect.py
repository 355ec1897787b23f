"""How MariaDB and MySQL differ from other databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import mysql
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect

from vimesh.store.dialects.mysql.causal_reads import cluster_place, is_node
from vimesh.store.dialects.mysql.json_update import JsonUpdate
from vimesh.store.dialects.mysql.mysql_connector import MysqlConnector
from vimesh.store.dialects.mysql.mysql_errors import MYSQL_ERRORS
from vimesh.store.dialects.mysql.mysql_url import mysql_place
from vimesh.store.dialects.server_dialect import ClusterPlace, DriverConnector, ServerDialect
from vimesh.store.urls.database_url import DatabaseUrl


class MysqlDialect(ServerDialect):
    schemes = ("mysql", "mariadb")
    url_form = "mysql://... for MariaDB"
    sqlalchemy_names = ("mysql", "mariadb")
    errors = MYSQL_ERRORS
    drivers = ("", "aiomysql", "asyncmy", "cymysql", "mariadbconnector", "mysqlconnector", "mysqldb", "pymysql")
    driver_module = "asyncmy"
    extra = "mysql"

    now_micros = "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)"
    read_only = "@@global.read_only"
    # A BLOB is limited to 64 KiB.
    binary = mysql.MEDIUMBLOB()
    # The lock belongs to the session, because each statement that changes tables commits the transaction.
    lock_for_upgrade = "SELECT GET_LOCK(CONCAT('vimesh.', MD5(DATABASE())), 3600)"
    other_sessions = (
        "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    )

    def connector(self, url: DatabaseUrl) -> DriverConnector:
        return MysqlConnector(mysql_place(url))

    def product(self, dialect: SqlalchemyDialect) -> tuple[str, tuple[int, ...]]:
        # MariaDB 10.6 introduced JSON_TABLE, and MySQL 8.0.17 the collation utf8mb4_0900_bin.
        return ("MariaDB", (10, 6)) if _is_mariadb(dialect) else ("MySQL", (8, 0, 17))

    def is_among(self, column: str, values: str) -> str:
        # The driver expands a tuple, including the parentheses.
        return f"{column} IN {values}"

    def list_value(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(values)

    def table_options(self, dialect: SqlalchemyDialect) -> Mapping[str, Any]:
        # Not utf8mb4_bin, which ignores trailing blanks in comparisons.
        collation = "utf8mb4_nopad_bin" if _is_mariadb(dialect) else "utf8mb4_0900_bin"
        return {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": collation}

    def joined_update(self, table: Table, keys: Sequence[str], columns: Sequence[str]) -> JsonUpdate:
        return JsonUpdate(table, keys, columns)

    def is_cluster_node(self, connection: Connection) -> bool:
        return is_node(connection)

    def cluster_place(self, connection: Connection) -> ClusterPlace | None:
        return cluster_place(connection)


def _is_mariadb(dialect: SqlalchemyDialect) -> bool:
    return bool(getattr(dialect, "is_mariadb", False))
