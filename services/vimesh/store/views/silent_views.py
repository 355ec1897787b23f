"""Records views whose leases have ended, and replaces their actions (G6, G7). Each vantage falls silent by itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, select

from vimesh.domain.leases import start_grace_s
from vimesh.store.change_log.transaction import Changes
from vimesh.store.schema.timestamps import micros
from vimesh.store.schema.view_tables import views
from vimesh.store.sql.sql_functions import NowMicros, among
from vimesh.store.views.viewed_vim import ViewedVim, read_viewed, write_viewed

_LAPSED: Final[ColumnElement[bool]] = views.c.lease_until < NowMicros()
_ANY_SILENT: Final = select(exists().where(views.c.holds, _LAPSED))
_ANY_REPLACEABLE: Final = select(exists().where(~views.c.holds, _LAPSED))
_OLDEST: Final = (
    select(views.c.vim_id, views.c.action_id)
    .where(views.c.lease_until < bindparam("now"))
    .order_by(views.c.lease_until, views.c.number, views.c.vantage)
    .limit(bindparam("count"))
)
_DELETE: Final = delete(views).where(among(views.c.vim_id, "ids"))


def has_silent_views(connection: Connection) -> bool:
    """Return whether `record_silent_views` has anything to do."""
    return bool(connection.execute(_ANY_SILENT).scalar_one())


def has_replaceable_views(connection: Connection) -> bool:
    """Return whether `replace_silent_views` has anything to do."""
    return bool(connection.execute(_ANY_REPLACEABLE).scalar_one())


def record_silent_views(connection: Connection, limit: int) -> int:
    """Record the oldest silences of views, up to `limit`, and others of the same VIMs; return up to `limit`."""
    changes = Changes.begin(connection)
    found, viewed = _read_oldest(connection, _OLDEST.where(views.c.holds), limit, changes)
    for vim in viewed.values():
        vim.record_silences()
    write_viewed(connection, viewed.values())
    changes.write()
    return len(found)


def replace_silent_views(connection: Connection, limit: int) -> int:
    """Replace the actions of the views that have been silent longest, up to `limit`; return how many."""
    changes = Changes.begin(connection)
    found, viewed = _read_oldest(connection, _OLDEST.where(~views.c.holds), limit, changes)
    for vim in viewed.values():
        # Others of its views may have fallen silent since: that comes first, as for a VIM with one vantage.
        vim.record_silences()
    for vim_id, action_id in found:
        if (view := viewed[vim_id].view_of_action(action_id)) is not None:
            viewed[vim_id].replace_action(view, _replacement(view, changes.now))
    write_viewed(connection, viewed.values())
    changes.write()
    return len(found)


def _read_oldest(
    connection: Connection, oldest: Select[tuple[str, str]], limit: int, changes: Changes
) -> tuple[Sequence[tuple[str, str]], Mapping[str, ViewedVim]]:
    """Return the ids of the VIMs and actions of views, and these VIMs; delete views of VIMs that have none any more.

    A conductor of before may have deregistered such a VIM, or given it an action of its own.
    """
    rows = connection.execute(oldest, {"now": changes.now, "count": limit})
    found = [(row.vim_id, row.action_id) for row in rows]
    viewed = read_viewed(connection, list({vim_id: None for vim_id, _ in found}), changes)
    if gone := {vim_id for vim_id, _ in found} - viewed.keys():
        connection.execute(_DELETE, {"ids": sorted(gone)})
    return [one for one in found if one[0] in viewed], viewed


def _replacement(view: dict[str, Any], now: int) -> dict[str, Any]:
    """Return the columns of the new action, which has had no contact yet. What the view says stays."""
    unheard = view["unheard"] + 1 if view["contact_time"] is None else 0
    return {
        "action_id": str(uuid.uuid4()),
        "observation": 0,
        "contact_time": None,
        "lease_until": now + micros(start_grace_s(unheard)),
        "unheard": unheard,
    }
