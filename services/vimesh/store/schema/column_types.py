"""Defines column types that have the same meaning in every database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, String
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator

# In SQLite an INTEGER has 64 bits, and only an INTEGER primary key is the rowid, which orders the table.
Whole = BigInteger().with_variant(Integer(), "sqlite")

Micros = Whole
"""Microseconds since 1970, UTC, by the database's clock."""

Bytes = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
"""Up to 16 MiB: a BLOB in MariaDB is limited to 64 KiB."""


def word(length: int) -> String:
    """Return a type for text of up to `length` characters that is compared and sorted by code points, as in SQLite."""
    # In MariaDB and MySQL the table sets the collation: see `migrations.once`.
    return String(length).with_variant(String(length, collation="C"), "postgresql")


_SIGN = 1 << 63
_RANGE = 1 << 64


class Unsigned(TypeDecorator[int]):
    """A uint64 in a signed column. Compare it only in Python: from 2**63 on the database has a negative number."""

    impl = Whole
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's
        return value - _RANGE if value is not None and value >= _SIGN else value

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's
        return value + _RANGE if value is not None and value < 0 else value
