"""Adds maintenance windows, and the spans of time for which they cover VIMs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole, word

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEXES = {
    "maintenances": (["closed", "project_id"], ["project_id", "create_time", "id"]),
    "maintenance_spans": (
        ["end_time"],
        ["vim_id", "end_time"],
        ["maintenance_id", "end_time"],
        ["announced", "start_time"],
        ["announced", "end_time"],
    ),
}


def upgrade() -> None:
    once.create_table(
        "maintenances",
        sa.Column("id", word(36), nullable=False),
        sa.Column("project_id", word(255), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("vim_ids", sa.JSON(), nullable=False),
        sa.Column("start_time", Micros, nullable=False),
        sa.Column("duration", Micros, nullable=False),
        sa.Column("rrule", sa.Text(), nullable=False),
        sa.Column("time_zone", word(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("creator", word(1024), nullable=False),
        sa.Column("create_time", Micros, nullable=False),
        sa.Column("ended_time", Micros),
        sa.Column("next_time", Micros),
        sa.Column("planned_end", Micros, nullable=False),
        sa.Column("revision", Whole, nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_maintenances"),
    )
    once.create_table(
        "maintenance_spans",
        sa.Column("vim_id", word(36), nullable=False),
        sa.Column("maintenance_id", word(36), nullable=False),
        sa.Column("start_time", Micros, nullable=False),
        sa.Column("end_time", Micros, nullable=False),
        sa.Column("announced", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("vim_id", "maintenance_id", "start_time", name="pk_maintenance_spans"),
    )
    for table, indexes in _INDEXES.items():
        for columns in indexes:
            once.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def downgrade() -> None:
    op.drop_table("maintenance_spans")
    op.drop_table("maintenances")
