"""Adds the labels of VIMs, and a table by which filters find VIMs by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Whole, word

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("vims", sa.Column("labels", sa.JSON()))
    once.create_table(
        "vim_labels",
        sa.Column("number", Whole, nullable=False, autoincrement=False),
        sa.Column("key", word(317), nullable=False),
        sa.Column("value", word(63), nullable=False),
        sa.PrimaryKeyConstraint("number", "key", name="pk_vim_labels"),
    )
    once.create_index("ix_vim_labels_key_value_number", "vim_labels", ["key", "value", "number"])


def downgrade() -> None:
    op.drop_table("vim_labels")
    op.drop_column("vims", "labels")
