"""Adds the table in which the processes of a fleet make themselves known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole, word

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "processes",
        sa.Column("id", word(36), nullable=False),
        sa.Column("identity", word(1024), nullable=False),
        sa.Column("kind", word(16), nullable=False),
        sa.Column("host", word(255), nullable=False),
        sa.Column("pid", Whole, nullable=False),
        sa.Column("version", word(64), nullable=False),
        sa.Column("start_time", Micros, nullable=False),
        sa.Column("seen_time", Micros, nullable=False),
        sa.Column("loop_lag", Micros, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )


def downgrade() -> None:
    op.drop_table("processes")
