"""Lists VIMs in pages, by filter and order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, tuple_, union_all

from vimesh.domain.filters.flapping_terms import FLAPPING, search_filter
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.history.flapping import WINDOW_S
from vimesh.domain.queries import Order, VimPage, VimQuery
from vimesh.store.filters.rare_labels import rare_labels
from vimesh.store.filters.sql_condition import filter_branches, needs_vims
from vimesh.store.filters.term_translator import Conditions
from vimesh.store.rows.bulky_rows import read_numbered
from vimesh.store.rows.visible_rows import STANDING_AND_LEASE, WHOLE_VIM
from vimesh.store.schema.tables import standings, vims
from vimesh.store.schema.timestamps import micros
from vimesh.store.shown_vims.current_maintenance import visible_vims
from vimesh.store.sql.page_tokens import position_of, token_of
from vimesh.store.sql.sql_functions import NowMicros

_NOW = select(NowMicros())
_NUMBER = standings.c.number
_SORT_KEYS: dict[str, tuple[tuple[ColumnElement[Any], ...], tuple[type, ...]]] = {
    "name": ((vims.c.name, vims.c.id), (str, str)),
    # Numbers are in the order of registration, even if the clock was set back.
    "create_time": ((_NUMBER,), (int,)),
    "status_time": ((standings.c.status_time, _NUMBER), (int, int)),
}
"""The columns that locate a row in each order, and their types. They are unique, so a page can resume after any row."""


def page(connection: Connection, query: VimQuery) -> VimPage:
    """Return one page. It starts after a row, not at an offset, so that changes do not shift later pages.

    Raises PageTokenInvalid.
    """
    sort_key, types = _SORT_KEYS[query.order.field]
    key = (query.filter.token_key, query.order)
    conditions = project_conditions(query)
    search = _search_filter(connection, query.filter)
    branches = filter_branches(search, connection.dialect, rare_labels(connection, search))
    if query.page_token:
        conditions.append(_is_after(query.order, sort_key, position_of(query.page_token, key, types)))
    positions = connection.execute(_select_positions(replace(query, filter=search), conditions, branches)).all()
    # Large VIMs make a short page. A VIM may have been removed since the first query, or may no longer match.
    rows = list(read_numbered(connection, [position.row for position in positions[: query.page_size]]))
    count = len(rows)
    vims_there = visible_vims(connection, [row for row in rows if row is not None])
    matching = [vim for vim in vims_there if query.filter.matches(vim)]
    return VimPage(matching, token_of(key, tuple(positions[count - 1])[:-1]) if count < len(positions) else "")


def _search_filter(connection: Connection, wanted: Filter) -> Filter:
    if FLAPPING not in wanted.fields:
        return wanted
    return search_filter(wanted, connection.execute(_NOW).scalar_one() - micros(WINDOW_S))


def project_conditions(query: VimQuery) -> list[ColumnElement[bool]]:
    """Return the condition that the VIM is in one of the caller's projects: none, for a caller of all."""
    return [] if query.projects is None else [vims.c.project_id.in_(sorted(query.projects))]


def _select_positions(
    query: VimQuery, conditions: list[ColumnElement[bool]], branches: Sequence[Conditions]
) -> Select[tuple[Any, ...]]:
    """Select the sort keys of the page and of one more row, each followed by the number of its row.

    Each branch of the filter has its own subquery, which an index answers in order.
    """
    count = query.page_size + 1
    sort_key, _ = _SORT_KEYS[query.order.field]
    needs_no_vim = query.order.field != "name" and query.projects is None and not needs_vims(query.filter)
    row = _NUMBER.label("row")
    selects = [
        select(*sort_key, row)
        .select_from(STANDING_AND_LEASE if needs_no_vim else WHOLE_VIM)
        .where(*branch, *conditions)
        .order_by(*_sorted_by(query.order, sort_key))
        .limit(count)
        # No row has no number: the page is empty if no VIM can match.
        for branch in branches or [(_NUMBER.is_(None),)]
    ]
    if len(selects) == 1:
        return selects[0]
    union = union_all(*(select(select_of_branch.subquery()) for select_of_branch in selects)).subquery()
    ways = _sorted_by(query.order, [union.c[column.name] for column in sort_key])
    return select(union).order_by(*ways).limit(count)


def _sorted_by(order: Order, columns: Sequence[ColumnElement[object]]) -> list[ColumnElement[object]]:
    return [column.desc() for column in columns] if order.descending else list(columns)


def _is_after(
    order: Order, columns: Sequence[ColumnElement[Any]], position: tuple[str | int, ...]
) -> ColumnElement[bool]:
    if len(columns) == 1:
        [column], [value] = columns, position
        return column < value if order.descending else column > value
    return tuple_(*columns) < position if order.descending else tuple_(*columns) > position
