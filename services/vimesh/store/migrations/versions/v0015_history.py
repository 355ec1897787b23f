"""Adds the history of VIMs: digests of their rounds, and the number of bytes that they take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Bytes, Whole

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "history",
        sa.Column("number", Whole, nullable=False, autoincrement=False),
        sa.Column("step", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("start", Whole, nullable=False, autoincrement=False),
        sa.Column("digests", Bytes, nullable=False),
        sa.PrimaryKeyConstraint("number", "step", "start", name="pk_history"),
    )
    once.create_index("ix_history_step_start", "history", ["step", "start"])
    once.create_table(
        "history_sizes",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("bytes", Whole, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_history_sizes"),
    )


def downgrade() -> None:
    op.drop_table("history_sizes")
    op.drop_table("history")
