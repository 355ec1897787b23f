"""Moves leases out of `standings` into the shortest rows, because they are written most often."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Whole

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOVED = ("holds", "contact_time", "lease_until")
_NAMES = ", ".join(_MOVED)
_COPIED = _NAMES.replace("lease_until", "was_lease_until")
_INDEX = "ix_standings_holds_lease_until"


def upgrade() -> None:
    once.create_table(
        "leases",
        sa.Column("number", Whole, autoincrement=False, nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("contact_time", Whole),
        sa.Column("lease_until", Whole, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_leases"),
    )
    once.leave_room_in_pages("leases")
    # From here on, running conductors of earlier versions fail instead of writing rows that would not be copied. The
    # renamed column also marks that copying is not complete, so it is dropped first.
    once.drop_index(_INDEX, "standings")
    once.rename_column("standings", "lease_until", "was_lease_until", Whole)
    if "was_lease_until" in once.columns_of("standings"):
        # An interrupted run may have copied some rows already.
        op.execute("DELETE FROM leases")
        op.execute(
            f"INSERT INTO leases (number, {_NAMES}) SELECT number, {_COPIED} FROM standings"  # noqa: S608 - the names are ours
        )
    once.drop_columns("standings", ["was_lease_until", "holds", "contact_time"])


def downgrade() -> None:
    op.add_column("standings", sa.Column("holds", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("standings", sa.Column("contact_time", Whole, nullable=True))
    op.add_column("standings", sa.Column("lease_until", Whole, nullable=False, server_default=sa.text("0")))
    for name in _MOVED:
        op.execute(
            f"UPDATE standings SET {name} = (SELECT l.{name} FROM leases l WHERE l.number = standings.number)"  # noqa: S608 - the names are ours
        )
    op.create_index(_INDEX, "standings", ["holds", "lease_until"])
    op.drop_table("leases")
