"""Column types that every database stores the same way."""

from __future__ import annotations

from sqlalchemy import BigInteger, Dialect, Integer
from sqlalchemy.types import TypeDecorator

# SQLite keeps 64 bits in an INTEGER, and only an INTEGER primary key is the table's own order.
Whole = BigInteger().with_variant(Integer(), "sqlite")

Micros = Whole
"""Microseconds since 1970, UTC, by the database's clock."""

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
