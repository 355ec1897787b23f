"""Defines column types that have the same meaning in every database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import BigInteger, LargeBinary, String
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from vimesh.store.dialects.dialect import Dialect
from vimesh.store.dialects.registry import DIALECTS

T = TypeVar("T", bound=TypeEngine[Any])


def _with_variants(kind: T, variant_of: Callable[[Dialect], TypeEngine[Any] | None]) -> T:
    """Return the type with the one that each dialect has instead of it."""
    for dialect in DIALECTS:
        if (variant := variant_of(dialect)) is not None:
            kind = kind.with_variant(variant, *dialect.sqlalchemy_names)
    return kind


Whole = _with_variants(BigInteger(), lambda dialect: dialect.whole_number)

Micros = Whole
"""Microseconds since 1970, UTC, by the database's clock."""

Bytes = _with_variants(LargeBinary(), lambda dialect: dialect.binary)
"""Up to 16 MiB."""


def word(length: int) -> String:
    """Return a type for text of up to `length` characters that is compared and sorted by code points, as in SQLite."""
    # In MariaDB and MySQL the table sets the collation: see `Dialect.table_options`.
    return _with_variants(String(length), lambda dialect: dialect.word(length))


_SIGN = 1 << 63
_RANGE = 1 << 64


class Unsigned(TypeDecorator[int]):
    """A uint64 in a signed column. Compare it only in Python: from 2**63 on the database has a negative number."""

    impl = Whole
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: SqlalchemyDialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's
        return value - _RANGE if value is not None and value >= _SIGN else value

    def process_result_value(self, value: int | None, dialect: SqlalchemyDialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's
        return value + _RANGE if value is not None and value < 0 else value
