"""Adds receivers of notifications, what they were told last, and the notifications on record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Bytes, Micros, Whole, word

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "receivers",
        sa.Column("id", word(36), nullable=False),
        sa.Column("project_id", word(255), nullable=False),
        sa.Column("name", word(255), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secrets", Bytes, nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=False),
        sa.Column("creator", word(1024), nullable=False),
        sa.Column("create_time", Micros, nullable=False),
        sa.Column("update_time", Micros, nullable=False),
        sa.Column("version", Whole, nullable=False),
        sa.Column("revision", Whole, nullable=False),
        sa.Column("holder", word(128), nullable=False),
        sa.Column("claim", Whole, nullable=False),
        sa.Column("claim_until", Micros, nullable=False),
        sa.Column("last_delivery_time", Micros),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("last_error_time", Micros),
        sa.Column("pending_since", Micros),
        sa.Column("dropped", Whole, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_receivers"),
        sa.UniqueConstraint("project_id", "name", name="uq_receivers_project_id_name"),
    )
    once.create_table(
        "notices",
        sa.Column("receiver_id", word(36), nullable=False),
        sa.Column("vim_id", word(36), nullable=False),
        sa.Column("vim_name", word(255), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("status", word(16)),
        sa.Column("reason", word(255), nullable=False),
        sa.Column("since", Micros),
        sa.Column("revision", Whole, nullable=False),
        sa.Column("told_time", Micros),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.Column("resolved", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("receiver_id", "vim_id", name="pk_notices"),
    )
    once.create_index("ix_notices_receiver_id_resolved_revision", "notices", ["receiver_id", "resolved", "revision"])
    once.create_table(
        "notifications",
        sa.Column("id", word(36), nullable=False),
        sa.Column("receiver_id", word(36), nullable=False),
        sa.Column("state", word(16), nullable=False),
        sa.Column("kind", word(16), nullable=False),
        sa.Column("create_time", Micros, nullable=False),
        sa.Column("update_time", Micros, nullable=False),
        sa.Column("attempts", Whole, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("first_revision", Whole, nullable=False),
        sa.Column("last_revision", Whole, nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("group_values", sa.JSON(), nullable=False),
        sa.Column("vim_count", Whole, nullable=False),
        sa.Column("problem_count", Whole, nullable=False),
        sa.Column("resolved_count", Whole, nullable=False),
        sa.Column("changes", Bytes, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
    )
    once.create_index(
        "ix_notifications_receiver_id_state_create_time", "notifications", ["receiver_id", "state", "create_time"]
    )
    once.create_index("ix_notifications_state_update_time", "notifications", ["state", "update_time"])


def downgrade() -> None:
    op.drop_table("notifications")
    op.drop_table("notices")
    op.drop_table("receivers")
