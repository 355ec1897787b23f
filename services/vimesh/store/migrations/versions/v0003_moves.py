"""Adds the engine of the stopped action to events, for VIMs that move to another engine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import word

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("events", sa.Column("stopped_engine", word(16), nullable=True))


def downgrade() -> None:
    op.drop_column("events", "stopped_engine")
