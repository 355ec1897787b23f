"""Adds to each receiver since when the notification is tried that was not delivered so far."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("receivers", sa.Column("unfinished_since", Micros))
    for name in ("unfinished_attempts", "unfinished_first", "unfinished_last"):
        once.add_column("receivers", sa.Column(name, Whole))


def downgrade() -> None:
    for name in ("unfinished_last", "unfinished_first", "unfinished_attempts", "unfinished_since"):
        op.drop_column("receivers", name)
