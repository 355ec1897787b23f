"""Defines the tables of what availability comes to. Each change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from vimesh.store.schema.column_types import Micros, Whole, word
from vimesh.store.schema.table_metadata import metadata

# The change up to which availability is counted. One row, which each transaction that counts locks first.
availability_progress = Table(
    "availability_progress",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Whole, nullable=False),
)

# What each VIM had at the change up to which availability is counted; its time is counted until `counted_until`.
availability_states = Table(
    "availability_states",
    metadata,
    # The number of the standing.
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("vim_id", word(36), nullable=False, unique=True),
    Column("counted_until", Micros, nullable=False),
    Column("status", word(16), nullable=False),
    Column("reason", word(64), nullable=False),
)


def _durations(name: str) -> Table:
    return Table(
        name,
        metadata,
        # The first day, by number since 1970. First in the key, so that a month is one range.
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("number", Whole, primary_key=True, autoincrement=False),
        Column("status", word(16), primary_key=True),
        Column("reason", word(64), primary_key=True),
        Column("days", Integer, nullable=False),
        # Microseconds, on all these days together.
        Column("duration", Whole, nullable=False),
        Index(None, "number", "day"),
        sqlite_with_rowid=False,
    )


# How long each VIM had which status on a day of UTC, or on several days in a row of one month.
availability_days = _durations("availability_days")

# The same by month, so that questions about months, which are most, read few rows.
availability_months = _durations("availability_months")
