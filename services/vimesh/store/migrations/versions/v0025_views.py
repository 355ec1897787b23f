"""Adds views: VIMs that are probed from one place that is not the default one, or from several."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Unsigned, Whole, word

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("standings", sa.Column("vantage", word(63), nullable=False, server_default=""))
    once.create_table(
        "views",
        sa.Column("number", Whole, nullable=False, autoincrement=False),
        sa.Column("vantage", word(63), nullable=False),
        sa.Column("vim_id", word(36), nullable=False),
        sa.Column("action_id", word(36), nullable=False),
        sa.Column("status", word(16), nullable=False),
        sa.Column("reason", word(64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("round_trip_s", sa.Double()),
        sa.Column("status_time", Micros, nullable=False),
        sa.Column("observation", Unsigned(), nullable=False),
        sa.Column("unheard", sa.Integer(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("contact_time", Micros),
        sa.Column("lease_until", Micros, nullable=False),
        sa.PrimaryKeyConstraint("number", "vantage", name="pk_views"),
    )
    once.create_index("ix_views_vim_id", "views", ["vim_id"])
    once.create_index("ix_views_vantage_vim_id", "views", ["vantage", "vim_id"])


def downgrade() -> None:
    op.drop_table("views")
    once.drop_columns("standings", ["vantage"])
