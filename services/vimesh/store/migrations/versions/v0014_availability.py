"""Adds the tables in which availability is counted, and the time at which the status of a change was seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole, word
from vimesh.store.sql.sql_functions import NowMicros

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.add_column("events", sa.Column("seen_time", Micros))
    once.create_table(
        "availability_states",
        sa.Column("number", Whole, nullable=False, autoincrement=False),
        sa.Column("vim_id", word(36), nullable=False),
        sa.Column("counted_until", Micros, nullable=False),
        sa.Column("status", word(16), nullable=False),
        sa.Column("reason", word(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_availability_states"),
        sa.UniqueConstraint("vim_id", name="uq_availability_states_vim_id"),
    )
    for name in ("availability_days", "availability_months"):
        once.create_table(
            name,
            sa.Column("day", sa.Integer(), nullable=False, autoincrement=False),
            sa.Column("number", Whole, nullable=False, autoincrement=False),
            sa.Column("status", word(16), nullable=False),
            sa.Column("reason", word(64), nullable=False),
            sa.Column("days", sa.Integer(), nullable=False),
            sa.Column("duration", Whole, nullable=False),
            sa.PrimaryKeyConstraint("day", "number", "status", "reason", name=f"pk_{name}"),
            sqlite_with_rowid=False,
        )
        once.create_index(f"ix_{name}_number_day", name, ["number", "day"])
    once.create_table(
        "availability_progress",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("revision", Whole, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_availability_progress"),
    )
    _begin()


def _begin() -> None:
    """Count all VIMs from now on. Changes that are committed meanwhile may be counted again, which adds nothing."""
    if op.get_bind().execute(sa.text("SELECT COUNT(*) FROM availability_progress")).scalar_one():
        return
    newest = op.get_bind().execute(sa.text("SELECT newest FROM revisions")).scalar_one()
    # An interrupted run may have left some.
    op.execute("DELETE FROM availability_states")
    names = ("number", "vim_id", "status", "reason")
    standings = sa.table("standings", *(sa.column(name) for name in names))
    states = sa.table("availability_states", *(sa.column(name) for name in (*names, "counted_until")))
    now = sa.select(*standings.c, NowMicros()).select_from(standings)
    op.get_bind().execute(sa.insert(states).from_select([*names, "counted_until"], now))
    op.get_bind().execute(sa.text("INSERT INTO availability_progress VALUES (1, :revision)"), {"revision": newest})


def downgrade() -> None:
    op.drop_table("availability_progress")
    op.drop_table("availability_months")
    op.drop_table("availability_days")
    op.drop_table("availability_states")
    op.drop_column("events", "seen_time")
