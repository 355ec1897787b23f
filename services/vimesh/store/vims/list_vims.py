"""Pages of VIMs by filter and order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, tuple_, union_all

from vimesh.domain.queries import WILD_FIELDS, Operator, Order, Term, VimPage, VimQuery
from vimesh.domain.vims import Status, Vim
from vimesh.store.rows.bulky_rows import numbered
from vimesh.store.rows.vim_rows import vim_of
from vimesh.store.rows.visible_rows import SILENT, STOOD, WHOLE
from vimesh.store.schema.tables import standings, vims
from vimesh.store.sql.page_tokens import position_of, token_of
from vimesh.store.sql.sql_functions import matches

_OF_STANDINGS = ("status", "engine")
_NUMBER = standings.c.number
_PLACES: dict[str, tuple[tuple[ColumnElement[Any], ...], tuple[type, ...]]] = {
    "name": ((vims.c.name, vims.c.id), (str, str)),
    # Numbers are in the order of registration, whatever the clock did meanwhile.
    "create_time": ((_NUMBER,), (int,)),
    "status_time": ((standings.c.status_time, _NUMBER), (int, int)),
}
"""By what a row is found in each order, and of what kinds these are: no two rows have the same."""


def page(connection: Connection, query: VimQuery) -> VimPage:
    """Raises PageTokenInvalid. The position is a row's, not a count: what was shown does not shift later pages."""
    place, kinds = _PLACES[query.order.field]
    key = (query.terms, query.order)
    conditions = [_condition(term, connection) for term in query.terms if term.field != "status"]
    if query.page_token:
        conditions.append(_beyond(query.order, place, position_of(query.page_token, key, kinds)))
    places = connection.execute(_places(query, conditions)).all()
    moving = [term for term in query.terms if term.field in _OF_STANDINGS]
    shown: list[Vim] = []
    read = 0
    # Large VIMs make a short page. One that was changed since it was found may be gone, or not wanted any more.
    for row in numbered(connection, [found.row for found in places[: query.page_size]]):
        read += 1
        if row is not None and _is_wanted(vim := vim_of(row), moving):
            shown.append(vim)
    return VimPage(shown, token_of(key, tuple(places[read - 1])[:-1]) if read < len(places) else "")


def _places(query: VimQuery, conditions: list[ColumnElement[bool]]) -> Select[tuple[Any, ...]]:
    """Select the places of the page and one more, each with the number of its row behind it.

    The places of each status are found in an index that has them in order. One condition over all of them would make
    the database look at every VIM.
    """
    count = query.page_size + 1
    place, _ = _PLACES[query.order.field]
    alone = query.order.field != "name" and all(term.field in _OF_STANDINGS for term in query.terms)
    row = _NUMBER.label("row")
    kinds = [
        select(*place, row)
        .select_from(STOOD if alone else WHOLE)
        .where(*kind, *conditions)
        .order_by(*_ways(query.order, place))
        .limit(count)
        for kind in _kinds(query.terms)
    ]
    if len(kinds) == 1:
        return kinds[0]
    found = union_all(*(select(kind.subquery()) for kind in kinds)).subquery()
    ways = _ways(query.order, [found.c[column.name] for column in place])
    return select(found).order_by(*ways).limit(count)


def _is_wanted(vim: Vim, moving: Sequence[Term]) -> bool:
    """Say whether what changes by itself is still as the terms want it."""
    for term in moving:
        value = vim.status if term.field == "status" else vim.monitor.engine
        if (value == term.value) is not (term.operator is Operator.EQUALS):
            return False
    return True


def _kinds(terms: tuple[Term, ...]) -> list[tuple[ColumnElement[bool], ...]]:
    """Return conditions that exclude each other, and together select the VIMs that are shown with a wanted status."""
    of_status = [term for term in terms if term.field == "status"]
    if not of_status:
        return [()]
    wanted = [
        status
        for status in Status
        if all((term.value == status) is (term.operator is Operator.EQUALS) for term in of_status)
    ]
    kinds: list[tuple[ColumnElement[bool], ...]] = [
        # Not what its silence has made UNKNOWN, though that is not on record yet.
        (standings.c.status == status, ~SILENT)
        for status in wanted
    ]
    if Status.UNKNOWN in wanted:
        kinds.append((SILENT,))
    return kinds or [(_NUMBER.is_(None),)]


def _ways(order: Order, columns: Sequence[ColumnElement[object]]) -> list[ColumnElement[object]]:
    return [column.desc() for column in columns] if order.descending else list(columns)


def _beyond(
    order: Order, columns: Sequence[ColumnElement[Any]], position: tuple[str | int, ...]
) -> ColumnElement[bool]:
    if len(columns) == 1:
        [column], [place] = columns, position
        return column < place if order.descending else column > place
    return tuple_(*columns) < position if order.descending else tuple_(*columns) > position


def _condition(term: Term, connection: Connection) -> ColumnElement[bool]:
    condition = _equals(term, connection)
    return condition if term.operator is Operator.EQUALS else ~condition


def _equals(term: Term, connection: Connection) -> ColumnElement[bool]:
    if term.field == "is_default":
        is_default = vims.c.default_of.is_not(None)
        return is_default if term.value == "true" else ~is_default
    column = (standings if term.field in _OF_STANDINGS else vims).c[term.field]
    if term.field in WILD_FIELDS and "*" in term.value:
        return matches(column, term.value, connection.dialect)
    return column == term.value
