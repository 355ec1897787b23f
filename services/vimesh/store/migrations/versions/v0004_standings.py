"""Moves the reports of ping actions out of `vims` into short rows of their own, because they change all the time."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Unsigned, Whole, word

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOVED: tuple[tuple[str, Any, Any], ...] = (
    ("engine", word(16), sa.text("''")),
    ("action_id", word(36), sa.text("''")),
    ("status", word(16), sa.text("''")),
    ("reason", word(64), sa.text("''")),
    ("detail", sa.Text(), sa.text("''")),
    ("round_trip_s", sa.Double(), None),
    ("status_time", Whole, sa.text("0")),
    ("observation", Unsigned(), sa.text("0")),
    ("contact_time", Whole, None),
    ("lease_until", Whole, sa.text("0")),
    ("holds", sa.Boolean(), sa.false()),
    ("unheard", sa.Integer(), sa.text("0")),
    ("monitor_error", sa.Text(), sa.text("''")),
    ("revision", Whole, sa.text("0")),
)
"""Name, type, and default until a row is filled in; None: the column is nullable."""
_NAMES = ", ".join(name for name, *_ in _MOVED)
_COPIED = _NAMES.replace(" status,", " was_status,")
_OLD_INDEXES = {
    "ix_vims_create_time_id": ["create_time", "id"],
    "ix_vims_status_time_id": ["status_time", "id"],
    "ix_vims_status_create_time_id": ["status", "create_time", "id"],
    "ix_vims_engine_id": ["engine", "id"],
    "ix_vims_holds_lease_until": ["holds", "lease_until"],
}


def upgrade() -> None:
    once.create_table(
        "standings",
        sa.Column("number", Whole, autoincrement=False, nullable=False),
        sa.Column("vim_id", word(36), nullable=False),
        *(sa.Column(name, kind, nullable=empty is None) for name, kind, empty in _MOVED),
        sa.PrimaryKeyConstraint("number", name="pk_standings"),
        sa.UniqueConstraint("vim_id", name="uq_standings_vim_id"),
    )
    # From here on, running conductors of earlier versions fail instead of writing rows that would not be copied. The
    # renamed column also marks that copying is not complete, so it is dropped first.
    once.rename_column("vims", "status", "was_status", word(16))
    if "was_status" in once.columns_of("vims"):
        # An interrupted run may have copied some rows already.
        op.execute("DELETE FROM standings")
        # Each of these VIMs has left an event, so later numbers, which are revisions, are greater than these.
        op.execute(
            f"INSERT INTO standings (number, vim_id, {_NAMES}) "  # noqa: S608 - the names are ours
            f"SELECT ROW_NUMBER() OVER (ORDER BY create_time, id), id, {_COPIED} FROM vims"
        )
    for name in _OLD_INDEXES:
        once.drop_index(name, "vims")
    once.drop_columns("vims", ["was_status", *(name for name, *_ in _MOVED)])
    for columns in (["engine", "vim_id"], ["holds", "lease_until"], ["status", "number"], ["status_time", "number"]):
        # If only the version number was not written, a later migration may have moved some of these columns already.
        if once.columns_of("standings").issuperset(columns):
            once.create_index(f"ix_standings_{'_'.join(columns)}", "standings", columns)


def downgrade() -> None:
    for name, kind, empty in _MOVED:
        op.add_column("vims", sa.Column(name, kind, nullable=empty is None, server_default=empty))
    for name, *_ in _MOVED:
        op.execute(
            f"UPDATE vims SET {name} = (SELECT s.{name} FROM standings s WHERE s.vim_id = vims.id)"  # noqa: S608 - the names are ours
        )
    for name, columns in _OLD_INDEXES.items():
        op.create_index(name, "vims", columns)
    op.drop_table("standings")
