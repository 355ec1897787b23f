"""Adds the apply set that a VIM belongs to, and the fields that the set manages."""

from __future__ import annotations

import sqlalchemy as sa

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import word

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("vims", sa.Column("apply_set", word(63), nullable=False, server_default=""))
    once.add_column("vims", sa.Column("applied_fields", sa.JSON()))


def downgrade() -> None:
    once.drop_columns("vims", ["apply_set", "applied_fields"])
