"""Makes migration steps repeatable: each is skipped if it is done already.

MariaDB cannot roll back DDL: an interrupted migration leaves its finished steps in place, and is run again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from vimesh.store.dialects.registry import dialect_of


def create_table(name: str, *parts: sa.Column[object] | sa.Constraint, **options: Any) -> None:  # noqa: ANN401 - Alembic's
    if not sa.inspect(op.get_bind()).has_table(name):
        dialect = op.get_bind().dialect
        op.create_table(name, *parts, **dialect_of(dialect).table_options(dialect), **options)


def leave_room_in_pages(table: str) -> None:
    """Keep room for new versions of the rows of a table, where that makes updates cheaper."""
    if (statement := dialect_of(op.get_bind().dialect).leave_room_in_pages(table)) is not None:
        op.execute(statement)


def create_index(name: str, table: str, columns: list[str]) -> None:
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns)


def drop_index(name: str, table: str) -> None:
    if name in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.drop_index(name, table)


def columns_of(table: str) -> set[str]:
    return {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}


def add_column(table: str, column: sa.Column[object]) -> None:
    if column.name not in columns_of(table):
        op.add_column(table, column)


def rename_column(table: str, name: str, to: str, kind: sa.types.TypeEngine[Any]) -> None:
    if name in columns_of(table):
        op.alter_column(table, name, new_column_name=to, existing_type=kind, existing_nullable=False)


def drop_columns(table: str, names: Iterable[str]) -> None:
    """Drop columns, in this order on databases that drop them one by one."""
    there = columns_of(table)
    # As one batch, because SQLite copies the whole table.
    with op.batch_alter_table(table) as batch:
        for name in names:
            if name in there:
                batch.drop_column(name)
