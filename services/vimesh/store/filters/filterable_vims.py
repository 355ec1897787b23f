"""Reads VIMs without what can be large, for filters."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import JSON, BindParameter, Connection, bindparam, func, select

from vimesh.domain.vims import BULKY_FIELDS, Vim
from vimesh.store.rows.vim_rows import vim_of_document
from vimesh.store.rows.visible_rows import VISIBLE_COLUMNS, WHOLE_VIM
from vimesh.store.schema.event_documents import as_text
from vimesh.store.schema.tables import events, vims
from vimesh.store.shown_vims.current_maintenance import visible_vims

_EMPTY: dict[str, Any] = {name: {} if isinstance(vims.c[name].type, JSON) else "" for name in BULKY_FIELDS}
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_VIMS = (
    select(*(column for column in VISIBLE_COLUMNS if column.name not in BULKY_FIELDS))
    .select_from(WHOLE_VIM)
    .where(vims.c.id.in_(_IDS))
)
_DOCUMENTS_AT_ONCE: Final = 20
"""Documents that are in memory at a time: that of a VIM that is gone may have hundreds of kilobytes."""
_last = (
    select(func.max(events.c.revision).label("revision")).where(events.c.vim_id.in_(_IDS)).group_by(events.c.vim_id)
).subquery()
_LAST_DOCUMENTS = select(events.c.vim_id, as_text(events.c.document)).join(_last, _last.c.revision == events.c.revision)


def filterable_vims(connection: Connection, vim_ids: Collection[str]) -> dict[str, Vim]:
    """Return the VIMs with these ids; a deregistered one as the log has it at last, if it still does."""
    if not vim_ids:
        return {}
    rows = connection.execute(_VIMS, {"ids": sorted(vim_ids)}).mappings()
    found = {vim.id: vim for vim in visible_vims(connection, [{**row, **_EMPTY} for row in rows])}
    if missing := sorted(set(vim_ids) - found.keys()):
        for begin in range(0, len(missing), _DOCUMENTS_AT_ONCE):
            ids = missing[begin : begin + _DOCUMENTS_AT_ONCE]
            for vim_id, document in connection.execute(_LAST_DOCUMENTS, {"ids": ids}):
                if document is not None:
                    found[vim_id] = vim_of_document({**json.loads(document), **_EMPTY})
    return found
