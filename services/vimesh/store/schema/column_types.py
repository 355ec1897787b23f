"""Column types that every database stores the same way."""

from __future__ import annotations

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, String
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator

# SQLite keeps 64 bits in an INTEGER, and only an INTEGER primary key is the table's own order.
Whole = BigInteger().with_variant(Integer(), "sqlite")

Micros = Whole
"""Microseconds since 1970, UTC, by the database's clock."""

Bytes = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
"""Up to 16 MiB: what MariaDB calls a BLOB ends at 64 KiB."""


def word(length: int) -> String:
    """Text of so many characters that is compared and put in order by its code points, as SQLite does."""
    # MariaDB's are all of their table's kind: see `migrations.once`.
    return String(length).with_variant(String(length, collation="C"), "postgresql")


_SIGN = 1 << 63
_RANGE = 1 << 64


class Unsigned(TypeDecorator[int]):
    """A uint64 in a signed column. Compare it in Python only: above 2**63 the database sees a negative number."""

    impl = Whole
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's
        return value - _RANGE if value is not None and value >= _SIGN else value

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's
        return value + _RANGE if value is not None and value < 0 else value
