"""Reads the visible rows of VIMs until a page is full by size: a VIM may have hundreds of kilobytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, Connection, Text, bindparam, func, literal_column, select

from vimesh.domain.credential_masks import MaskedValues, mask_secrets
from vimesh.domain.vims import BULKY_FIELDS
from vimesh.store.rows.page_budget import PageBudget
from vimesh.store.rows.vim_secrets import FREE_FORM
from vimesh.store.rows.visible_rows import CONDITIONED, VISIBLE_COLUMNS, WHOLE_VIM
from vimesh.store.schema.event_documents import as_text
from vimesh.store.schema.tables import standings, vims
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_FIXED_BYTES: Final = 500
"""Upper bound on the bytes of a VIM in a message besides its measured fields and its views."""
_VIEW_BYTES: Final = 800
"""Upper bound on the characters of a view in a message: 512 of its detail, 63 of its vantage, 64 of its reason."""
_CONDITION_BYTES: Final = 3_000
"""Estimate of the characters of conditions and certificate of a VIM: four of the first, and a chain of three."""
_NAMES = (*(column.name for column in VISIBLE_COLUMNS), "number")
_JSON = tuple(column.name for column in VISIBLE_COLUMNS if isinstance(column.type, JSON))
_NO_VALUES: ColumnElement[str] = literal_column("'{}'", Text)
_bulk_of = itemgetter(*map(_NAMES.index, {*_JSON, *BULKY_FIELDS, "detail", "auth_url", "monitor_error"}))
_free_form_of = itemgetter(*map(_NAMES.index, _JSON))
_action_and_policy_of = itemgetter(*map(_NAMES.index, ("action_id", "policy")))
_conditioned_of = itemgetter(_NAMES.index(CONDITIONED))


def _json_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    text = as_text(column)
    return (func.coalesce(text, _NO_VALUES) if column.nullable else text).label(column.name)


_ROWS = select(
    # As text, so that rows that do not fit into the page are not parsed.
    *(_json_text(column) if column.name in _JSON else column for column in VISIBLE_COLUMNS),
    standings.c.number,
).select_from(WHOLE_VIM)
_NUMBERED = PreparedStatement(_ROWS.where(among(standings.c.number, "numbers")))
_ROWS_AFTER = _ROWS.where(vims.c.id > bindparam("after")).order_by(vims.c.id).limit(bindparam("count"))
_AFTER = PreparedStatement(_ROWS_AFTER)
_OF_PROJECT_AFTER = PreparedStatement(_ROWS_AFTER.where(vims.c.project_id == bindparam("project")))
_parse = json.JSONDecoder().raw_decode
"""Parses JSON that we have written without surrounding whitespace: `loads` spends half of its time looking for it."""
_SHORT: Final = 512
"""Characters of what is remembered: long values are rarely alike, and memory is bounded."""
_REMEMBERED: Final = 2048

BulkyRow = Mapping[str, Any]


def _fits(budget: PageBudget, row: Sequence[Any]) -> bool:
    """Return whether one more row fits into the page, and count it."""
    read_later = _bytes_of_views(row) + (0 if _conditioned_of(row) is None else _CONDITION_BYTES)
    return budget.fits(_FIXED_BYTES + read_later + sum(map(len, _bulk_of(row))), _free_form_of(row))


def _bytes_of_views(row: Sequence[Any]) -> int:
    """Return an upper bound on what the views of a VIM come to: they are read after the page is cut."""
    action_id, policy = _action_and_policy_of(row)
    # A VIM whose views are shown has no action of its own.
    return 0 if action_id else _VIEW_BYTES * len(_parse(policy)[0].get("vantages", ()))


def read_numbered(connection: Connection, numbers: Sequence[int]) -> Iterator[BulkyRow | None]:
    """Yield the rows with these numbers in order, None for a missing one, until the page is full."""
    budget, begin = PageBudget(), 0
    while batch := numbers[begin : begin + budget.next_count()]:
        rows = {row[-1]: row for row in _NUMBERED.rows(connection, {"numbers": batch})}
        for number in batch:
            row = rows.get(number)
            if row is not None and not _fits(budget, row):
                return
            yield None if row is None else _row_of(row)
        begin += len(batch)


def read_after(connection: Connection, vim_id: str, limit: int, project_id: str = "") -> Iterator[BulkyRow]:
    """Yield up to `limit` rows after an id, of one project if it is given, until the page is full."""
    budget, statement = PageBudget(), _OF_PROJECT_AFTER if project_id else _AFTER
    while count := min(limit, budget.next_count()):
        rows = statement.rows(connection, {"after": vim_id, "count": count, "project": project_id})
        for row in rows:
            if not _fits(budget, row):
                return
            yield (bulky_row := _row_of(row))
            vim_id = bulky_row["id"]
        limit = limit - count if len(rows) == count else 0


def _row_of(row: Sequence[Any]) -> BulkyRow:
    """Return a row whose JSON is parsed. What many VIMs have alike is one object, which must not be changed."""
    bulky_row = dict(zip(_NAMES, row, strict=True))
    for name in _JSON:
        text = bulky_row[name]
        read = _READERS.get(name, _plain)
        bulky_row[name] = read(text) if len(text) <= _SHORT else read.__wrapped__(text)
    return bulky_row


@lru_cache(_REMEMBERED)
def _plain(text: str) -> Any:  # noqa: ANN401 - JSON
    return _parse(text)[0]


@lru_cache(_REMEMBERED)
def _free_form(text: str) -> MaskedValues:
    # Rows of earlier versions have secrets in them.
    return MaskedValues(mask_secrets(_parse(text)[0]))


@lru_cache(_REMEMBERED)
def _credentials(text: str) -> MaskedValues:
    return MaskedValues(_parse(text)[0])


_READERS: Final = {"auth_cred": _credentials, **dict.fromkeys(FREE_FORM, _free_form)}
