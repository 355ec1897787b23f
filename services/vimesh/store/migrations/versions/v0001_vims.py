"""Creates the tables of VIMs, their changes, and the requests that registered them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Bytes, Whole, word

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_vims()
    _create_events()
    once.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("oldest", Whole, nullable=False),
        sa.Column("newest", Whole, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
    )
    # Creating the log is revision 1 and has no event: so a watcher of an empty log has a revision to resume from, and 0
    # can mean "none" on the wire.
    op.execute("INSERT INTO revisions (id, oldest, newest) SELECT 1, 2, 1 WHERE NOT EXISTS (SELECT id FROM revisions)")
    once.create_table(
        "requests",
        sa.Column("request_id", word(64), nullable=False),
        sa.Column("fingerprint", Bytes, nullable=False),
        sa.Column("vim_id", word(36), nullable=False),
        sa.Column("create_time", Whole, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_requests"),
    )
    once.create_index("ix_requests_create_time", "requests", ["create_time"])


def _create_vims() -> None:
    once.create_table(
        "vims",
        sa.Column("id", word(36), nullable=False),
        sa.Column("project_id", word(255), nullable=False),
        sa.Column("name", word(255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("type", word(32), nullable=False),
        sa.Column("auth_url", word(2048), nullable=False),
        sa.Column("vim_project", sa.JSON(), nullable=False),
        sa.Column("auth_cred", sa.JSON(), nullable=False),
        sa.Column("secrets", Bytes, nullable=False),
        sa.Column("default_of", word(255), nullable=True),
        sa.Column("placement_attr", sa.JSON(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("status", word(16), nullable=False),
        sa.Column("reason", word(64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("round_trip_s", sa.Double(), nullable=True),
        sa.Column("status_time", Whole, nullable=False),
        sa.Column("engine", word(16), nullable=False),
        sa.Column("action_id", word(36), nullable=False),
        sa.Column("observation", Whole, nullable=False),
        sa.Column("contact_time", Whole, nullable=True),
        sa.Column("monitor_error", sa.Text(), nullable=False),
        sa.Column("shard_key", Whole, nullable=False),
        sa.Column("etag", word(36), nullable=False),
        sa.Column("revision", Whole, nullable=False),
        sa.Column("create_time", Whole, nullable=False),
        sa.Column("update_time", Whole, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vims"),
        sa.UniqueConstraint("project_id", "name", name="uq_vims_project_id_name"),
        sa.UniqueConstraint("default_of", name="uq_vims_default_of"),
    )
    once.create_index("ix_vims_name_id", "vims", ["name", "id"])
    once.create_index("ix_vims_create_time_id", "vims", ["create_time", "id"])
    once.create_index("ix_vims_status_time_id", "vims", ["status_time", "id"])
    once.create_index("ix_vims_status_create_time_id", "vims", ["status", "create_time", "id"])
    once.create_index("ix_vims_engine_id", "vims", ["engine", "id"])


def _create_events() -> None:
    once.create_table(
        "events",
        sa.Column("revision", Whole, autoincrement=False, nullable=False),
        sa.Column("vim_id", word(36), nullable=False),
        sa.Column("kind", word(32), nullable=False),
        sa.Column("time", Whole, nullable=False),
        sa.Column("engine", word(16), nullable=False),
        sa.Column("action_id", word(36), nullable=False),
        sa.Column("stopped_action_id", word(36), nullable=False),
        sa.Column("status", word(16), nullable=False),
        sa.Column("previous_status", word(16), nullable=False),
        sa.Column("reason", word(64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("revision", name="pk_events"),
    )
    once.create_index("ix_events_vim_id_revision", "events", ["vim_id", "revision"])


def downgrade() -> None:
    for table in ("requests", "revisions", "events", "vims"):
        op.drop_table(table)
