"""Lists the databases that vimesh can use."""

from __future__ import annotations

from typing import Final

from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect

from vimesh.store.dialects.dialect import Dialect
from vimesh.store.dialects.embedded_dialect import EmbeddedDialect
from vimesh.store.dialects.mysql.mysql_dialect import MysqlDialect
from vimesh.store.dialects.postgresql.postgresql_dialect import PostgresqlDialect
from vimesh.store.dialects.server_dialect import ServerDialect
from vimesh.store.dialects.sqlite.sqlite_dialect import SqliteDialect
from vimesh.store.transactions.driver_errors import ErrorCodes

DIALECTS: Final[tuple[EmbeddedDialect | ServerDialect, ...]] = (
    SqliteDialect(),
    PostgresqlDialect(),
    MysqlDialect(),
)
_BY_SCHEME: Final = {scheme: dialect for dialect in DIALECTS for scheme in dialect.schemes}
_BY_NAME: Final = {name: dialect for dialect in DIALECTS for name in dialect.sqlalchemy_names}
ERROR_CODES: Final = ErrorCodes.join([dialect.errors for dialect in DIALECTS])
"""What the error codes of all databases mean: an error does not say which of them it is of."""


def dialect_of(dialect: SqlalchemyDialect) -> Dialect:
    """Return the dialect of a connection, whose `dialect` is SQLAlchemy's."""
    return _BY_NAME[dialect.name]


def dialect_for(scheme: str) -> EmbeddedDialect | ServerDialect | None:
    """Return the dialect for the scheme of a URL, without a driver."""
    return _BY_SCHEME.get(scheme)


def url_forms() -> str:
    """Return how a URL may look, for an error message."""
    *forms, last = (dialect.url_form for dialect in DIALECTS)
    return f"{', '.join(forms)} or {last}"
