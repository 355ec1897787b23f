"""Adds what undoes changes: what the status was before each, and the VIMs that were deregistered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole, word

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("events", sa.Column("previous_reason", word(64)))
    once.add_column("events", sa.Column("previous_status_time", Micros))
    for name in ("undoable_from", "undoable_until", "dropped_until"):
        once.add_column("revisions", sa.Column(name, Whole, nullable=False, server_default=sa.text("0")))
    once.add_column("revisions", sa.Column("dropped_time", Micros))
    # The changes so far cannot be undone. Those that earlier versions still make move this on.
    op.execute("UPDATE revisions SET undoable_from = newest + 1, undoable_until = newest")
    once.create_table(
        "former_vims",
        sa.Column("number", Whole, nullable=False, autoincrement=False),
        sa.Column("vim_id", word(36), nullable=False),
        sa.Column("project_id", word(255), nullable=False),
        sa.Column("revision", Whole, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_former_vims"),
    )
    once.create_index("ix_former_vims_revision", "former_vims", ["revision"])


def downgrade() -> None:
    op.drop_table("former_vims")
    for name in ("dropped_time", "dropped_until", "undoable_until", "undoable_from"):
        op.drop_column("revisions", name)
    op.drop_column("events", "previous_status_time")
    op.drop_column("events", "previous_reason")
