"""Adds the notifiers that ask for receivers, so that these can be divided evenly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, word

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "notifiers",
        sa.Column("id", word(128), nullable=False),
        sa.Column("active_until", Micros, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notifiers"),
    )


def downgrade() -> None:
    op.drop_table("notifiers")
