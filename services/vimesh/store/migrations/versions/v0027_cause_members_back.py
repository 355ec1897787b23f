"""Adds to each VIM of a cause since when it has been back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("cause_members", sa.Column("back_time", Micros))


def downgrade() -> None:
    op.drop_column("cause_members", "back_time")
