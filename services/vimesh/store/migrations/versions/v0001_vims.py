"""VIMs, their changes, and the requests that made them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_vims()
    _create_events()
    head = op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("oldest", _WHOLE, nullable=False),
        sa.Column("newest", _WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
    )
    # The making of the log is its revision 1, and leaves no event: a watcher of an empty log has a revision to resume
    # from, and 0 can mean "none" on the wire.
    op.bulk_insert(head, [{"id": 1, "oldest": 2, "newest": 1}])
    op.create_table(
        "requests",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("vim_id", sa.String(36), nullable=False),
        sa.Column("create_time", _WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_requests"),
    )
    op.create_index("ix_requests_create_time", "requests", ["create_time"])


def _create_vims() -> None:
    op.create_table(
        "vims",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("auth_url", sa.String(2048), nullable=False),
        sa.Column("vim_project", sa.JSON(), nullable=False),
        sa.Column("auth_cred", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("default_of", sa.String(255), nullable=True),
        sa.Column("placement_attr", sa.JSON(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("round_trip_s", sa.Float(), nullable=True),
        sa.Column("status_time", _WHOLE, nullable=False),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("action_id", sa.String(36), nullable=False),
        sa.Column("observation", _WHOLE, nullable=False),
        sa.Column("contact_time", _WHOLE, nullable=True),
        sa.Column("monitor_error", sa.Text(), nullable=False),
        sa.Column("shard_key", _WHOLE, nullable=False),
        sa.Column("etag", sa.String(36), nullable=False),
        sa.Column("revision", _WHOLE, nullable=False),
        sa.Column("create_time", _WHOLE, nullable=False),
        sa.Column("update_time", _WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vims"),
        sa.UniqueConstraint("project_id", "name", name="uq_vims_project_id_name"),
        sa.UniqueConstraint("default_of", name="uq_vims_default_of"),
    )
    op.create_index("ix_vims_name_id", "vims", ["name", "id"])
    op.create_index("ix_vims_create_time_id", "vims", ["create_time", "id"])
    op.create_index("ix_vims_status_time_id", "vims", ["status_time", "id"])
    op.create_index("ix_vims_status_create_time_id", "vims", ["status", "create_time", "id"])
    op.create_index("ix_vims_engine_id", "vims", ["engine", "id"])


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("revision", _WHOLE, autoincrement=False, nullable=False),
        sa.Column("vim_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("time", _WHOLE, nullable=False),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("action_id", sa.String(36), nullable=False),
        sa.Column("stopped_action_id", sa.String(36), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("previous_status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("revision", name="pk_events"),
    )
    op.create_index("ix_events_vim_id_revision", "events", ["vim_id", "revision"])


def downgrade() -> None:
    for table in ("requests", "revisions", "events", "vims"):
        op.drop_table(table)
