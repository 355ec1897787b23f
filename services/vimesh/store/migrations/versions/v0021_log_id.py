"""Gives the log of changes an id, which is another one once a backup was restored."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import word

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_REVISIONS = sa.table("revisions", sa.column("log_id"))


def upgrade() -> None:
    once.add_column("revisions", sa.Column("log_id", word(36), nullable=False, server_default=""))
    op.execute(sa.update(_REVISIONS).where(_REVISIONS.c.log_id == "").values(log_id=str(uuid.uuid4())))


def downgrade() -> None:
    op.drop_column("revisions", "log_id")
