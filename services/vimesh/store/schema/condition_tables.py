"""Defines the tables of conditions and certificates. Each change here needs a migration."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, Table, Text

from vimesh.store.schema.column_types import Micros, Whole, word
from vimesh.store.schema.table_metadata import metadata

# What was seen last of each VIM besides its status: see `store.conditions`. Rows have the number of the standing, which
# is never used again, so those that an earlier version leaves behind are never read.
vim_conditions = Table(
    "vim_conditions",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("type", word(127), primary_key=True),
    Column("status", word(16), nullable=False),
    Column("reason", word(64), nullable=False),
    Column("message", Text, nullable=False),
    # Since when it has this status.
    Column("transition_time", Micros, nullable=False),
    # For filters.
    Index(None, "type", "status", "number"),
)

# The certificate that each VIM showed last.
vim_certificates = Table(
    "vim_certificates",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("names", JSON, nullable=False),
    Column("not_before", Micros, nullable=False),
    Column("not_after", Micros, nullable=False),
    Column("sha256", word(64), nullable=False),
    Column("chain_subjects", JSON, nullable=False),
    Column("verified", Boolean),  # NULL: nobody looked
    Column("verify_error", Text, nullable=False),
    Index(None, "not_after", "number"),
)
