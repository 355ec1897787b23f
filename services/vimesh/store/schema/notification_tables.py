"""Defines the tables of receivers, and of what they were told. Each change here needs a migration."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, Table, Text, UniqueConstraint

from vimesh.store.schema.column_types import Bytes, Micros, Whole, word
from vimesh.store.schema.table_metadata import metadata

# Who is told of changes; see `domain.notifications`.
receivers = Table(
    "receivers",
    metadata,
    Column("id", word(36), primary_key=True),
    Column("project_id", word(255), nullable=False),  # empty: all projects
    Column("name", word(255), nullable=False),
    Column("settings", JSON, nullable=False),  # with the target as clients see it
    Column("secrets", Bytes, nullable=False),  # the whole target, encrypted
    Column("disabled", Boolean, nullable=False),
    Column("disabled_reason", Text, nullable=False),
    Column("creator", word(1024), nullable=False),
    Column("create_time", Micros, nullable=False),
    Column("update_time", Micros, nullable=False),
    Column("version", Whole, nullable=False),  # grows with each change by people
    Column("revision", Whole, nullable=False),
    # The notifier that has claimed it, the number of the claim, and when the claim ends.
    Column("holder", word(128), nullable=False),
    Column("claim", Whole, nullable=False),
    Column("claim_until", Micros, nullable=False),
    Column("last_delivery_time", Micros),
    Column("last_error", Text, nullable=False),
    Column("last_error_time", Micros),
    Column("pending_since", Micros),
    Column("dropped", Whole, nullable=False),
    # The notification that is tried again: since when, how often, and which changes are in it.
    Column("unfinished_since", Micros),
    Column("unfinished_attempts", Whole),
    Column("unfinished_first", Whole),
    Column("unfinished_last", Whole),
    UniqueConstraint("project_id", "name"),
)

# The processes that deliver notifications, as long as they ask for receivers.
notifiers = Table(
    "notifiers",
    metadata,
    Column("id", word(128), primary_key=True),
    Column("active_until", Micros, nullable=False),
)

# What each receiver was told last of a VIM.
notices = Table(
    "notices",
    metadata,
    Column("receiver_id", word(36), primary_key=True),
    Column("vim_id", word(36), primary_key=True),
    Column("vim_name", word(255), nullable=False),
    Column("group_key", Text, nullable=False),
    Column("status", word(16)),
    Column("reason", word(255), nullable=False),
    Column("since", Micros),
    Column("revision", Whole, nullable=False),
    Column("told_time", Micros),
    Column("muted", Boolean, nullable=False),
    Column("resolved", Boolean, nullable=False),
    Index(None, "receiver_id", "resolved", "revision"),
)

# Notifications that are not simply sent: tests, and those that were given up.
notifications = Table(
    "notifications",
    metadata,
    Column("id", word(36), primary_key=True),
    Column("receiver_id", word(36), nullable=False),
    Column("state", word(16), nullable=False),
    Column("kind", word(16), nullable=False),
    Column("create_time", Micros, nullable=False),
    Column("update_time", Micros, nullable=False),  # since when it has its state
    Column("attempts", Whole, nullable=False),
    Column("error", Text, nullable=False),
    Column("first_revision", Whole, nullable=False),
    Column("last_revision", Whole, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("group_values", JSON, nullable=False),
    Column("vim_count", Whole, nullable=False),
    Column("problem_count", Whole, nullable=False),
    Column("resolved_count", Whole, nullable=False),
    Column("changes", Bytes, nullable=False),
    Index(None, "receiver_id", "state", "create_time"),
    Index(None, "state", "update_time"),
)
