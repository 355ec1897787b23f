"""Defines the table of the pool of monitors. Each change here needs a migration."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table

from vimesh.store.schema.column_types import Micros, Whole, word
from vimesh.store.schema.table_metadata import metadata

# The monitors that share the VIMs. Each row is one that has VIMs, whether or not its lease has ended: see `store.pool`.
monitors = Table(
    "monitors",
    metadata,
    Column("id", word(36), primary_key=True),  # that of the process, too
    Column("identity", word(1024), nullable=False),  # empty in an open fleet
    Column("vantage", word(63), nullable=False),
    Column("capacity", Whole, nullable=False),
    Column("draining", Boolean, nullable=False),
    Column("join_time", Micros, nullable=False),
    Column("lease_until", Micros, nullable=False),
    Column("watch_id", word(36), nullable=False),  # of its newest watch
)
