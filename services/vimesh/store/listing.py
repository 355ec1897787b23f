"""Pages of VIMs by filter and order."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Select, select, tuple_, union_all

from vimesh.domain.queries import Operator, Order, Term, VimPage, VimQuery
from vimesh.domain.vims import Status
from vimesh.store.dialects import matches
from vimesh.store.paging import position_of, token_of
from vimesh.store.records import vim_of
from vimesh.store.shown import SHOWN, SILENT
from vimesh.store.tables import vims

_WILD_FIELDS = ("name", "auth_url")
_KINDS = {"name": str, "create_time": int, "status_time": int}


def page(connection: Connection, query: VimQuery) -> VimPage:
    """Raises PageTokenInvalid. The position is a row's, not a count: what was shown does not shift later pages."""
    field = query.order.field
    key = (query.terms, query.order)
    conditions = [_condition(term, connection) for term in query.terms if term.field != "status"]
    if query.page_token:
        conditions.append(_beyond(query.order, position_of(query.page_token, key, (_KINDS[field], str))))
    statement = _rows(query, conditions)
    rows = connection.execute(statement).mappings().all()
    listed = rows[: query.page_size]
    more = len(rows) > len(listed) and listed
    return VimPage(
        [vim_of(row) for row in listed],
        token_of(key, (listed[-1][field], listed[-1]["id"])) if more else "",
    )


def _rows(query: VimQuery, conditions: list[ColumnElement[bool]]) -> Select[tuple[object, ...]]:
    """Select the rows of the page and one more.

    The places of each status are found in an index that has them in order. One condition over all of them would make
    the database look at every VIM.
    """
    count = query.page_size + 1
    ordered = vims.c[query.order.field]
    found = [
        select(
            select(vims.c.id, ordered.label("place"))
            .where(*kind, *conditions)
            .order_by(*_ways(query.order, ordered, vims.c.id))
            .limit(count)
            .subquery()
        )
        for kind in _kinds(query.terms)
    ]
    all_found = union_all(*found).subquery()
    places = select(all_found).order_by(*_ways(query.order, all_found.c.place, all_found.c.id)).limit(count).subquery()
    return (
        select(*SHOWN)
        .join_from(places, vims, vims.c.id == places.c.id)
        .order_by(*_ways(query.order, places.c.place, places.c.id))
    )


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
        (vims.c.status == status, ~SILENT)
        for status in wanted
    ]
    if Status.UNKNOWN in wanted:
        kinds.append((SILENT,))
    return kinds or [(vims.c.id.is_(None),)]


def _ways(order: Order, *columns: ColumnElement[object]) -> list[ColumnElement[object]]:
    return [column.desc() for column in columns] if order.descending else list(columns)


def _beyond(order: Order, position: tuple[str | int, ...]) -> ColumnElement[bool]:
    place = tuple_(vims.c[order.field], vims.c.id)
    return place < position if order.descending else place > position


def _condition(term: Term, connection: Connection) -> ColumnElement[bool]:
    condition = _equals(term, connection)
    return condition if term.operator is Operator.EQUALS else ~condition


def _equals(term: Term, connection: Connection) -> ColumnElement[bool]:
    if term.field == "is_default":
        is_default = vims.c.default_of.is_not(None)
        return is_default if term.value == "true" else ~is_default
    column = vims.c[term.field]
    if term.field in _WILD_FIELDS and "*" in term.value:
        return matches(column, term.value, connection.dialect)
    return column == term.value
