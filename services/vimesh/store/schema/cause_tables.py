"""Defines the tables of causes. Each change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from vimesh.store.schema.column_types import Micros, Whole, word
from vimesh.store.schema.table_metadata import metadata

# What VIMs have in common whose status changed together: see `store.causes`.
causes = Table(
    "causes",
    metadata,
    Column("id", word(36), primary_key=True),
    Column("kind", word(16), nullable=False),
    Column("subject", word(400), nullable=False),
    Column("reason", word(64), nullable=False),
    Column("start_time", Micros, nullable=False),
    Column("end_time", Micros),  # NULL: it lasts
    Column("population", Whole, nullable=False),
    Index(None, "start_time", "id"),
    Index(None, "end_time", "id"),
)

# How many VIMs of a project a cause was found to affect: callers see what is of their
# projects. It outlives the members.
cause_projects = Table(
    "cause_projects",
    metadata,
    Column("cause_id", word(36), primary_key=True),
    Column("project_id", word(255), primary_key=True),
    Column("vim_count", Whole, nullable=False),
)

# The VIMs of causes that last. Those that are back have left: their rows only say that they were counted. Those of
# causes that have ended are deleted by and by.
cause_members = Table(
    "cause_members",
    metadata,
    Column("vim_id", word(36), primary_key=True),
    Column("cause_id", word(36), nullable=False),
    Column("project_id", word(255), nullable=False),
    Column("back_time", Micros),  # NULL: it has not left
    Index(None, "cause_id", "vim_id"),
)

# The conductor that joins changes to causes. One row, or none.
cause_turns = Table(
    "cause_turns",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", word(36), nullable=False),
    Column("until", Micros, nullable=False),
)
