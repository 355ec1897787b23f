"""Adds leases, and the to-dos for workflow engines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Whole, word

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # 0 means that the lease has ended: the actions of earlier versions have no lease. Their VIMs read UNKNOWN until the
    # next contact.
    once.add_column("vims", sa.Column("lease_until", Whole, server_default="0", nullable=False))
    once.add_column("vims", sa.Column("unheard", sa.Integer(), server_default="0", nullable=False))
    once.add_column("vims", sa.Column("holds", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE vims SET holds = (1 = 1) WHERE contact_time IS NOT NULL")
    once.create_index("ix_vims_holds_lease_until", "vims", ["holds", "lease_until"])
    once.create_table(
        "todos",
        sa.Column("number", Whole, autoincrement=False, nullable=False),
        sa.Column("id", word(36), nullable=False),
        sa.Column("kind", word(16), nullable=False),
        sa.Column("vim_id", word(36), nullable=False),
        sa.Column("action_id", word(36), nullable=False),
        sa.Column("vim_gone", sa.Boolean(), nullable=False),
        sa.Column("due_time", Whole, nullable=False),
        sa.Column("claim_token", word(64), nullable=False),
        sa.Column("claimant", word(255), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_todos"),
        sa.UniqueConstraint("id", name="uq_todos_id"),
    )
    once.create_index("ix_todos_vim_id_number", "todos", ["vim_id", "number"])
    once.create_index("ix_todos_due_time", "todos", ["due_time"])


def downgrade() -> None:
    op.drop_table("todos")
    op.drop_index("ix_vims_holds_lease_until", "vims")
    op.drop_column("vims", "holds")
    op.drop_column("vims", "unheard")
    op.drop_column("vims", "lease_until")
