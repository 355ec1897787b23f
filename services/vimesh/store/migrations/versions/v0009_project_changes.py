"""Adds the table in which the changes of projects with quotas are counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole, word

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "project_changes",
        sa.Column("revision", Whole, autoincrement=False, nullable=False),
        sa.Column("project_id", word(255), nullable=False),
        sa.Column("time", Micros, nullable=False),
        sa.Column("size", Whole, nullable=False),
        sa.Column("position", Whole, nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_project_changes"),
    )
    once.create_index("ix_project_changes_project_id_revision", "project_changes", ["project_id", "revision"])


def downgrade() -> None:
    op.drop_table("project_changes")
