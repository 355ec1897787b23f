"""Adds to each to-do the span in which it was caused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import word

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("todos", sa.Column("traceparent", word(64), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    op.drop_column("todos", "traceparent")
