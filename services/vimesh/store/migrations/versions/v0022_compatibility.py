"""Adds the oldest version whose conductors can use the tables, so that they need not refuse newer ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import word

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "compatibility",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("compatible_from", word(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_compatibility"),
    )
    # Conductors before this version read nothing here, and refuse whatever is newer.
    op.execute(
        "INSERT INTO compatibility (id, compatible_from) "
        "SELECT 1, '0022' WHERE NOT EXISTS (SELECT id FROM compatibility)"
    )


def downgrade() -> None:
    op.drop_table("compatibility")
