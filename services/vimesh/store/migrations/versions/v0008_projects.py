"""Adds the project and the actor of each change, and an index of the VIMs of a project."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Whole, word

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_PAGE = 1000
_EVENTS = sa.table(
    "events",
    sa.column("revision", Whole),
    sa.column("vim_id", sa.String),
    sa.column("kind", sa.String),
    sa.column("document"),
    sa.column("project_id", sa.String),
)
_VIMS = sa.table("vims", sa.column("id", sa.String), sa.column("project_id", sa.String))
_UNKNOWN = _EVENTS.c.project_id == ""


def upgrade() -> None:
    once.add_column("events", sa.Column("project_id", word(255), nullable=False, server_default=sa.text("''")))
    once.add_column("events", sa.Column("actor", word(1024), nullable=False, server_default=sa.text("''")))
    once.create_index("ix_vims_project_id_id", "vims", ["project_id", "id"])
    # An id may have been used again in another project, so each removal speaks for the changes before it.
    _fill_in_removed()
    of_vim = sa.select(_VIMS.c.project_id).where(_VIMS.c.id == _EVENTS.c.vim_id).scalar_subquery()
    op.get_bind().execute(sa.update(_EVENTS).where(_UNKNOWN).values(project_id=sa.func.coalesce(of_vim, "")))


def _fill_in_removed() -> None:
    connection, last = op.get_bind(), 0
    page = (
        sa.select(_EVENTS.c.revision, _EVENTS.c.vim_id, sa.cast(_EVENTS.c.document, sa.Text))
        .where(_EVENTS.c.kind == "DEREGISTERED")
        .order_by(_EVENTS.c.revision)
        .limit(_PAGE)
    )
    fill_in = (
        sa.update(_EVENTS)
        .where(_EVENTS.c.vim_id == sa.bindparam("of_vim"), _EVENTS.c.revision <= sa.bindparam("until"), _UNKNOWN)
        .values(project_id=sa.bindparam("project"))
    )
    while removals := connection.execute(page.where(_EVENTS.c.revision > last)).all():
        for last, vim_id, document in removals:
            project_id = json.loads(document)["project_id"]
            connection.execute(fill_in, {"of_vim": vim_id, "until": last, "project": project_id})


def downgrade() -> None:
    once.drop_index("ix_vims_project_id_id", "vims")
    for name in ("actor", "project_id"):
        op.drop_column("events", name)
