"""Defines the tables of VIMs, of their changes and of processes. Each change here needs a migration.

Those of other subjects are beside it; `all_tables` has them all.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from vimesh.store.schema.column_types import Bytes, Micros, Unsigned, Whole, word
from vimesh.store.schema.event_documents import Document
from vimesh.store.schema.table_metadata import metadata

vims = Table(
    "vims",
    metadata,
    Column("id", word(36), primary_key=True),
    Column("project_id", word(255), nullable=False),
    Column("name", word(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("type", word(32), nullable=False),
    Column("auth_url", word(2048), nullable=False),
    Column("vim_project", JSON, nullable=False),
    Column("auth_cred", JSON, nullable=False),  # masked, as clients see it
    Column("secrets", Bytes, nullable=False),  # the whole auth_cred, encrypted
    # The project_id if the VIM is the default of its project: the unique key allows only one, even in a race.
    Column("default_of", word(255), unique=True),
    Column("placement_attr", JSON, nullable=False),
    Column("extra", JSON, nullable=False),
    Column("policy", JSON, nullable=False),
    Column("shard_key", Whole, nullable=False),
    Column("etag", word(36), nullable=False),
    Column("create_time", Micros, nullable=False),
    Column("update_time", Micros, nullable=False),
    Column("labels", JSON(none_as_null=True)),  # NULL: none, as in the rows of earlier versions
    # The apply set that the VIM belongs to; empty: none, as in the rows of earlier versions.
    Column("apply_set", word(63), nullable=False, server_default=""),
    # By path: whether the set still manages the field, or others have changed it since. NULL: it belongs to no set.
    Column("applied_fields", JSON(none_as_null=True)),
    UniqueConstraint("project_id", "name"),
    Index(None, "name", "id"),
    # For a snapshot of a project.
    Index(None, "project_id", "id"),
)

# The labels of `vims.labels` once more, one in a row, so that filters find VIMs by them.
vim_labels = Table(
    "vim_labels",
    metadata,
    # The number of the standing. It is never used again, so rows that an earlier version leaves behind are never read.
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("key", word(317), primary_key=True),
    Column("value", word(63), nullable=False),
    Index(None, "key", "value", "number"),
)

# The last report of each VIM's wanted action, written when something changes. So its rows are short and its indexes
# few: a page holds many rows, and the log of a transaction consists of pages.
standings = Table(
    "standings",
    metadata,
    # The revision of the VIM's registration, so rows are in the order of registration.
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("vim_id", word(36), nullable=False, unique=True),
    Column("engine", word(16), nullable=False),
    # Empty if several vantages look at the VIM, each with an action of its own: see `view_tables`.
    Column("action_id", word(36), nullable=False),
    Column("status", word(16), nullable=False),
    Column("reason", word(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("round_trip_s", Double),
    Column("status_time", Micros, nullable=False),
    Column("observation", Unsigned, nullable=False),
    # The number of successive actions that were replaced without a single contact.
    Column("unheard", Integer, nullable=False),
    Column("monitor_error", Text, nullable=False),
    Column("revision", Whole, nullable=False),
    # The vantage of the action; empty: the default one, as in the rows of earlier versions.
    Column("vantage", word(63), nullable=False, server_default=""),
    Index(None, "engine", "vim_id"),
    Index(None, "status", "number"),
    Index(None, "status_time", "number"),
)

# The time until which each standing is valid without another contact: nearly all writes go here. More than a hundred
# rows fit into a page. There is no index, so PostgreSQL can write a new row version into the page of the old one, in
# which the migration leaves room. A search for leases that have ended reads all rows, which costs less than maintaining
# an index.
leases = Table(
    "leases",
    metadata,
    # The number of the standing.
    Column("number", Whole, primary_key=True, autoincrement=False),
    # Whether the status is from the last report of the wanted action: false before its first report, and once its
    # silence is on record.
    Column("holds", Boolean, nullable=False),
    Column("contact_time", Micros),
    # The end of the start grace before the first contact, of the lease after it.
    Column("lease_until", Micros, nullable=False),
)

OF_ACTION = ("number", "action_id")
"""Key for updating a standing: if its action was replaced by then, nothing is updated (G1)."""

events = Table(
    "events",
    metadata,
    Column("revision", Whole, primary_key=True, autoincrement=False),
    Column("vim_id", word(36), nullable=False),
    Column("kind", word(32), nullable=False),
    Column("time", Micros, nullable=False),
    Column("engine", word(16), nullable=False),
    Column("action_id", word(36), nullable=False),
    Column("stopped_action_id", word(36), nullable=False),
    Column("stopped_engine", word(16)),  # NULL in events of versions without moves: same as `engine`
    Column("status", word(16), nullable=False),
    Column("previous_status", word(16), nullable=False),
    Column("reason", word(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("document", Document),  # the VIM, without secrets and without unchanged bulky fields
    Column("project_id", word(255), nullable=False, server_default=""),
    Column("actor", word(1024), nullable=False, server_default=""),  # the identity that made the change
    # From when on the status and reason held, if that was before `time`; NULL also in events of earlier versions.
    Column("seen_time", Micros),
    # The reason, and since when the status before the change held; NULL also in events of earlier versions.
    Column("previous_reason", word(64)),
    Column("previous_status_time", Micros),
    Index(None, "vim_id", "revision"),
)

# The ends of the log's segments: see `change_log.log_size`. Those of dropped changes are deleted, except the newest.
segments = Table(
    "segments",
    metadata,
    Column("revision", Whole, primary_key=True, autoincrement=False),
    # The bytes of all changes up to and including this one.
    Column("position", Whole, nullable=False),
)

# The changes that callers made to VIMs of projects whose changes are limited: see `vims.quota_check`. Those of dropped
# changes are deleted.
project_changes = Table(
    "project_changes",
    metadata,
    Column("revision", Whole, primary_key=True, autoincrement=False),
    Column("project_id", word(255), nullable=False),
    Column("time", Micros, nullable=False),
    Column("size", Whole, nullable=False),
    # The bytes of all changes of the project in this table up to and including this one.
    Column("position", Whole, nullable=False),
    Index(None, "project_id", "revision"),
)

# One row. Each writer locks it first, so changes commit one after the other, in the order of their revisions.
revisions = Table(
    "revisions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("oldest", Whole, nullable=False),
    Column("newest", Whole, nullable=False),
    # The bytes of all changes ever made, up to revision `counted`: earlier versions write changes without counting.
    Column("written", Whole, nullable=False, server_default="0"),
    Column("counted", Whole, nullable=False, server_default="0"),
    # The first and the last of the changes that say what they replaced: earlier versions write changes that do not.
    Column("undoable_from", Whole, nullable=False, server_default="0"),
    Column("undoable_until", Whole, nullable=False, server_default="0"),
    # The newest change that was dropped, and its time: earlier versions drop changes without noting either.
    Column("dropped_until", Whole, nullable=False, server_default="0"),
    Column("dropped_time", Micros),
    # Random; another one once a backup was restored, after which the same revisions may be of other changes.
    Column("log_id", word(36), nullable=False, server_default=""),
)

# One row: which conductors can use the tables, if a newer release made them. See `upgrade.table_versions`.
compatibility = Table(
    "compatibility",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("compatible_from", word(32), nullable=False),
)

# The VIMs that were deregistered by the changes that are kept.
former_vims = Table(
    "former_vims",
    metadata,
    # The number of the standing, which is never used again.
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("vim_id", word(36), nullable=False),
    Column("project_id", word(255), nullable=False),
    # The change that deregistered it.
    Column("revision", Whole, nullable=False),
    Index(None, "revision"),
)

# One row, or none. Each writer at a node of a Galera cluster changes it: see `databases.galera_turns`.
commits = Table(
    "commits",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Whole, nullable=False),
)

# The writer at a Galera node that has the turn. One row, or none.
turns = Table(
    "turns",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", word(36), nullable=False),
    Column("until", Micros, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("request_id", word(64), primary_key=True),
    Column("fingerprint", Bytes, nullable=False),
    Column("vim_id", word(36), nullable=False),
    Column("create_time", Micros, nullable=False),
    Index(None, "create_time"),
)

# Open tasks for a workflow engine, in the order in which those of one VIM must be carried out.
todos = Table(
    "todos",
    metadata,
    # From the revision of the change; see `change_log.todos_of_events`.
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("id", word(36), nullable=False, unique=True),
    Column("kind", word(16), nullable=False),
    Column("vim_id", word(36), nullable=False),
    Column("action_id", word(36), nullable=False),
    Column("vim_gone", Boolean, nullable=False),  # from this engine: removed, or moved to another one
    # When it can be claimed; if it is claimed, when the claim expires.
    Column("due_time", Micros, nullable=False),
    Column("claim_token", word(64), nullable=False),  # empty: not claimed
    Column("claimant", word(255), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),  # successive
    Column("error", Text, nullable=False),
    Column("traceparent", word(64), nullable=False, server_default=""),  # the span in which it was caused
    Index(None, "vim_id", "number"),
    Index(None, "due_time"),
)

# The processes of the fleet, as they make themselves known. There is no leader that would know them otherwise.
processes = Table(
    "processes",
    metadata,
    Column("id", word(36), primary_key=True),
    Column("identity", word(1024), nullable=False),  # who announced it; empty in an open fleet
    Column("kind", word(16), nullable=False),
    Column("host", word(255), nullable=False),
    Column("pid", Whole, nullable=False),
    Column("version", word(64), nullable=False),
    Column("start_time", Micros, nullable=False),
    Column("seen_time", Micros, nullable=False),
    Column("loop_lag", Micros, nullable=False),  # microseconds
    Column("facts", JSON, nullable=False),
)
