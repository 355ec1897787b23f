"""Adds the tables that serialize writers at several nodes of a Galera cluster."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole, word

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "commits",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("number", Whole, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_commits"),
    )
    once.create_table(
        "turns",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("holder", word(36), nullable=False),
        sa.Column("until", Micros, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
    )


def downgrade() -> None:
    for name in ("turns", "commits"):
        op.drop_table(name)
