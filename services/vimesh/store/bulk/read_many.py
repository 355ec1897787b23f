"""Reads many VIMs by their ids."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import VimNotFound
from vimesh.domain.vims import Vim
from vimesh.store.rows.bulky_rows import read_numbered
from vimesh.store.schema.tables import standings, vims
from vimesh.store.shown_vims.current_maintenance import visible_vims
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_NUMBERS = PreparedStatement(
    select(standings.c.vim_id, standings.c.number, vims.c.project_id)
    .select_from(standings.join(vims, vims.c.id == standings.c.vim_id))
    .where(among(standings.c.vim_id, "ids"))
)
_NO_NUMBER = 0
"""The number of no VIM: revisions start at 1."""


def get_many(connection: Connection, vim_ids: Sequence[str], caller: Caller) -> list[Vim | VimNotFound]:
    numbered = _NUMBERS.rows(connection, {"ids": list(set(vim_ids))})
    numbers = {vim_id: number for vim_id, number, project_id in numbered if caller.sees(project_id)}
    # A VIM may be removed between the two statements.
    rows = list(read_numbered(connection, [numbers.get(vim_id, _NO_NUMBER) for vim_id in vim_ids]))
    present = iter(visible_vims(connection, [row for row in rows if row is not None]))
    return [VimNotFound(vim_id) if row is None else next(present) for vim_id, row in zip(vim_ids, rows, strict=False)]
