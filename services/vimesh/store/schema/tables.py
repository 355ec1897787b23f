"""What the database holds. Each change here needs a migration beside it."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from vimesh.store.schema.column_types import Bytes, Micros, Unsigned, Whole, word
from vimesh.store.schema.event_documents import Document

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    },
)

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
    Column("auth_cred", JSON, nullable=False),  # masked, as it is shown
    Column("secrets", Bytes, nullable=False),  # the whole auth_cred, encrypted
    # The project_id if the VIM is the project's default: the unique key allows one, whoever comes at once.
    Column("default_of", word(255), unique=True),
    Column("placement_attr", JSON, nullable=False),
    Column("extra", JSON, nullable=False),
    Column("policy", JSON, nullable=False),
    Column("shard_key", Whole, nullable=False),
    Column("etag", word(36), nullable=False),
    Column("create_time", Micros, nullable=False),
    Column("update_time", Micros, nullable=False),
    UniqueConstraint("project_id", "name"),
    Index(None, "name", "id"),
)

# What the wanted action of each VIM said: written when that is news, so its rows are short, and its indexes few. A page
# holds many of them, and the log of a transaction is made of pages.
standings = Table(
    "standings",
    metadata,
    # The revision with which the VIM was registered: they are in that order.
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("vim_id", word(36), nullable=False, unique=True),
    Column("engine", word(16), nullable=False),
    Column("action_id", word(36), nullable=False),
    Column("status", word(16), nullable=False),
    Column("reason", word(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("round_trip_s", Double),
    Column("status_time", Micros, nullable=False),
    Column("observation", Unsigned, nullable=False),
    # How many actions in a row were replaced without ever having been heard.
    Column("unheard", Integer, nullable=False),
    Column("monitor_error", Text, nullable=False),
    Column("revision", Whole, nullable=False),
    Index(None, "engine", "vim_id"),
    Index(None, "status", "number"),
    Index(None, "status_time", "number"),
)

# Until when each standing is good without another contact: nearly all that is ever written. A hundred and more of these
# rows fit into a page, and there is no index, so PostgreSQL can write a new version into the page of the old one, and
# a search for leases that have ended reads all of them: that takes less than keeping them in order.
leases = Table(
    "leases",
    metadata,
    # That of the standing.
    Column("number", Whole, primary_key=True, autoincrement=False),
    # Whether the status is what the wanted action said last: not before its first report, and not any more when its
    # silence is on record.
    Column("holds", Boolean, nullable=False),
    Column("contact_time", Micros),
    # Until when the action need not be heard: its start grace before the first report, its lease after that.
    Column("lease_until", Micros, nullable=False),
    postgresql_with={"fillfactor": 50},
)

OF_ACTION = ("number", "action_id")
"""How a standing is found to be rewritten: if its action is another one by then, it is not (G1)."""

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
    Column("stopped_engine", word(16)),  # NULL in what versions wrote in which no VIM could move: `engine`
    Column("status", word(16), nullable=False),
    Column("previous_status", word(16), nullable=False),
    Column("reason", word(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("document", Document),  # the VIM without its secrets, as far as the change is about it
    Index(None, "vim_id", "revision"),
)

# Where segments of the log end: see `log_bytes`. Of what was dropped there are none.
segments = Table(
    "segments",
    metadata,
    Column("revision", Whole, primary_key=True, autoincrement=False),
    # The bytes of all changes up to this one.
    Column("position", Whole, nullable=False),
)

# One row. Whoever writes takes it first, so changes commit one after the other and in the order of their revisions.
revisions = Table(
    "revisions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("oldest", Whole, nullable=False),
    Column("newest", Whole, nullable=False),
    # The bytes of all changes that were ever made, up to `counted`: earlier versions write changes, and no bytes.
    Column("written", Whole, nullable=False, server_default="0"),
    Column("counted", Whole, nullable=False, server_default="0"),
)

# One row, or none. All who write at nodes of a Galera cluster change it: see `turns`.
commits = Table(
    "commits",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Whole, nullable=False),
)

# Who goes first of them. One row, or none.
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

# What a workflow engine has to be told, in the order in which it must be told of one VIM.
todos = Table(
    "todos",
    metadata,
    # From the revision of the change; see `planning`.
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("id", word(36), nullable=False, unique=True),
    Column("kind", word(16), nullable=False),
    Column("vim_id", word(36), nullable=False),
    Column("action_id", word(36), nullable=False),
    Column("vim_gone", Boolean, nullable=False),  # from the engine
    # From when on it can be claimed: of a claimed one, when the claim lapses.
    Column("due_time", Micros, nullable=False),
    Column("claim_token", word(64), nullable=False),  # empty: nobody holds it
    Column("claimant", word(255), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),  # in a row
    Column("error", Text, nullable=False),
    Index(None, "vim_id", "number"),
    Index(None, "due_time"),
)
