"""Steps that may be done already.

MariaDB cannot undo a change of tables: a migration that was broken off has left what it had made, and is done again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.columns import LIKE_SQLITE


def create_table(name: str, *parts: sa.Column[object] | sa.Constraint) -> None:
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *parts, **LIKE_SQLITE)


def create_index(name: str, table: str, columns: list[str]) -> None:
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns)


def add_column(table: str, column: sa.Column[object]) -> None:
    if column.name not in {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)
