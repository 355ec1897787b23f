"""Defines the tables of maintenance windows, and of what they cover. Each change here needs a migration."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, Integer, Table, Text

from vimesh.store.schema.column_types import Micros, Whole, word
from vimesh.store.schema.table_metadata import metadata

# Maintenance windows: see `maintenance.keep_up`.
maintenances = Table(
    "maintenances",
    metadata,
    Column("id", word(36), primary_key=True),
    Column("project_id", word(255), nullable=False),  # empty: the VIMs of all projects
    Column("filter", Text, nullable=False),
    Column("vim_ids", JSON, nullable=False),  # none: those that match the filter
    Column("start_time", Micros, nullable=False),
    Column("duration", Micros, nullable=False),  # microseconds
    Column("rrule", Text, nullable=False),  # empty: the window opens once
    Column("time_zone", word(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("creator", word(1024), nullable=False),
    Column("create_time", Micros, nullable=False),
    Column("ended_time", Micros),  # when people ended it early
    # The start of its next occurrence whose spans are not written; NULL if there is none.
    Column("next_time", Micros),
    # Of that occurrence, the spans of the VIMs up to this number are written; NULL: none.
    Column("planned_number", Whole),
    # The end of the last occurrence whose spans are written.
    Column("planned_end", Micros, nullable=False),
    # The change up to which its spans follow the VIMs that come, go and change.
    Column("revision", Whole, nullable=False),
    # Whether nothing is left to do for it.
    Column("closed", Boolean, nullable=False),
    Index(None, "closed", "project_id"),
    Index(None, "project_id", "create_time", "id"),
)

# Which VIM was in maintenance when, and when it will be: written ahead, so that it holds at its time, whatever runs
# then. Those of the past stay as they are, whatever becomes of the VIM and the window.
maintenance_spans = Table(
    "maintenance_spans",
    metadata,
    Column("vim_id", word(36), primary_key=True),
    Column("maintenance_id", word(36), primary_key=True),
    Column("start_time", Micros, primary_key=True, autoincrement=False),
    Column("end_time", Micros, nullable=False),
    # What watchers know of it: nothing (0), its start (1), its end (2).
    Column("announced", Integer, nullable=False),
    Index(None, "end_time"),
    Index(None, "vim_id", "end_time"),
    Index(None, "maintenance_id", "end_time"),
    Index(None, "announced", "start_time"),
    Index(None, "announced", "end_time"),
)
