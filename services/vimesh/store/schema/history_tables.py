"""Defines the tables of the history of VIMs. Each change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from vimesh.store.schema.column_types import Bytes, Whole
from vimesh.store.schema.table_metadata import metadata

# The history of VIMs: see `domain.history`. Rows are appended to for an hour, and merged with others when they are old.
history = Table(
    "history",
    metadata,
    # The number of the standing.
    Column("number", Whole, primary_key=True, autoincrement=False),
    # Seconds of each digest, and seconds since 1970 at which the row begins.
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("start", Whole, primary_key=True, autoincrement=False),
    Column("digests", Bytes, nullable=False),
    Index(None, "step", "start"),
)

# One row, or none: the bytes of all history.
history_sizes = Table(
    "history_sizes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("bytes", Whole, nullable=False),
)
