"""Adds to each maintenance window how far the spans of its next occurrence are written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Whole

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("maintenances", sa.Column("planned_number", Whole))


def downgrade() -> None:
    op.drop_column("maintenances", "planned_number")
