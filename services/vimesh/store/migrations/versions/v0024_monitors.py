"""Adds the pool: the monitors that share the VIMs among them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole, word

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "monitors",
        sa.Column("id", word(36), nullable=False),
        sa.Column("identity", word(1024), nullable=False),
        sa.Column("vantage", word(63), nullable=False),
        sa.Column("capacity", Whole, nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.Column("join_time", Micros, nullable=False),
        sa.Column("lease_until", Micros, nullable=False),
        sa.Column("watch_id", word(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_monitors"),
    )


def downgrade() -> None:
    op.drop_table("monitors")
