"""Defines the table of views: what each vantage says of a VIM that several look at. Each change needs a migration."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text

from vimesh.store.schema.column_types import Micros, Unsigned, Whole, word
from vimesh.store.schema.table_metadata import metadata

# A VIM with at most one vantage has no rows here: its standing and its lease are its view. One with several has a row
# for each, and an empty `action_id` in its standing, whose status follows from these rows. See `store.views`.
views = Table(
    "views",
    metadata,
    # The number of the standing.
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("vantage", word(63), primary_key=True),
    Column("vim_id", word(36), nullable=False),
    Column("action_id", word(36), nullable=False),
    Column("status", word(16), nullable=False),
    Column("reason", word(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("round_trip_s", Double),
    Column("status_time", Micros, nullable=False),
    Column("observation", Unsigned, nullable=False),
    Column("unheard", Integer, nullable=False),
    # As in `leases`.
    Column("holds", Boolean, nullable=False),
    Column("contact_time", Micros),
    Column("lease_until", Micros, nullable=False),
    Index(None, "vim_id"),
    Index(None, "vantage", "vim_id"),
)
