"""Keeps track of the VIMs that were deregistered, as long as the log has the changes that did it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.tables import former_vims
from vimesh.store.sql.prepared_statements import PreparedStatement

_INSERT = PreparedStatement(
    insert(former_vims).values({column.name: bindparam(column.name) for column in former_vims.c})
)
_PAGE = (
    select(former_vims.c.number, former_vims.c.revision)
    .where(
        former_vims.c.number > bindparam("after"),
        former_vims.c.number <= bindparam("last"),
        former_vims.c.revision > bindparam("since"),
    )
    .order_by(former_vims.c.number)
    .limit(bindparam("count"))
)


def note_former(connection: Connection, removed: Row) -> None:
    """Note a VIM that is deregistered, given its row, whose revision is that of the change."""
    _INSERT.run(connection, [{**removed, "vim_id": removed["id"]}])


def read_former(
    connection: Connection, projects: frozenset[str] | None, parameters: dict[str, Any]
) -> Sequence[tuple[int, int]]:
    """Return the numbers, in order, of VIMs that were deregistered, each with the revision of the change.

    They are those with numbers above `after`, and up to `last`, that were deregistered after the revision `since`: the
    first `count`.
    """
    statement = _PAGE if projects is None else _PAGE.where(former_vims.c.project_id.in_(sorted(projects)))
    return [(number, revision) for number, revision in connection.execute(statement, parameters)]
