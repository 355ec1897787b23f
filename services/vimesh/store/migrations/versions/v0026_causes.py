"""Adds causes: what VIMs have in common whose status changed together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole, word

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "causes",
        sa.Column("id", word(36), nullable=False),
        sa.Column("kind", word(16), nullable=False),
        sa.Column("subject", word(400), nullable=False),
        sa.Column("reason", word(64), nullable=False),
        sa.Column("start_time", Micros, nullable=False),
        sa.Column("end_time", Micros, nullable=True),
        sa.Column("population", Whole, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_causes"),
    )
    once.create_index("ix_causes_start_time_id", "causes", ["start_time", "id"])
    once.create_index("ix_causes_end_time_id", "causes", ["end_time", "id"])
    once.create_table(
        "cause_projects",
        sa.Column("cause_id", word(36), nullable=False),
        sa.Column("project_id", word(255), nullable=False),
        sa.Column("vim_count", Whole, nullable=False),
        sa.PrimaryKeyConstraint("cause_id", "project_id", name="pk_cause_projects"),
    )
    once.create_table(
        "cause_members",
        sa.Column("vim_id", word(36), nullable=False),
        sa.Column("cause_id", word(36), nullable=False),
        sa.Column("project_id", word(255), nullable=False),
        sa.PrimaryKeyConstraint("vim_id", name="pk_cause_members"),
    )
    once.create_index("ix_cause_members_cause_id_vim_id", "cause_members", ["cause_id", "vim_id"])
    once.create_table(
        "cause_turns",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", word(36), nullable=False),
        sa.Column("until", Micros, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cause_turns"),
    )


def downgrade() -> None:
    for table in ("cause_turns", "cause_members", "cause_projects", "causes"):
        op.drop_table(table)
