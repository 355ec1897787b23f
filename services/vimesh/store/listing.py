"""Pages of VIMs by filter and order."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, select, tuple_

from vimesh.domain.queries import Operator, Order, Term, VimPage, VimQuery
from vimesh.store.dialects import matches
from vimesh.store.paging import position_of, token_of
from vimesh.store.records import vim_of
from vimesh.store.shown import SHOWN, STATUS_TIME, has_status, shown
from vimesh.store.tables import vims

_WILD_FIELDS = ("name", "auth_url")
_ORDERS = {
    "name": (vims.c.name, str),
    "create_time": (vims.c.create_time, int),
    "status_time": (STATUS_TIME, int),
}


def page(connection: Connection, query: VimQuery) -> VimPage:
    """Raises PageTokenInvalid. The position is a row's, not a count: what was shown does not shift later pages."""
    column, kind = _ORDERS[query.order.field]
    key = (query.terms, query.order)
    statement = select(*SHOWN).where(*(_condition(term, connection) for term in query.terms))
    if query.page_token:
        statement = statement.where(_beyond(query.order, position_of(query.page_token, key, (kind, str))))
    ways = (column.desc(), vims.c.id.desc()) if query.order.descending else (column, vims.c.id)
    rows = connection.execute(statement.order_by(*ways).limit(query.page_size + 1)).mappings().all()
    listed = [shown(row) for row in rows[: query.page_size]]
    more = len(rows) > len(listed) and listed
    return VimPage(
        [vim_of(row) for row in listed],
        token_of(key, (listed[-1][query.order.field], listed[-1]["id"])) if more else "",
    )


def _beyond(order: Order, position: tuple[str | int, ...]) -> ColumnElement[bool]:
    place = tuple_(_ORDERS[order.field][0], vims.c.id)
    return place < position if order.descending else place > position


def _condition(term: Term, connection: Connection) -> ColumnElement[bool]:
    condition = _equals(term, connection)
    return condition if term.operator is Operator.EQUALS else ~condition


def _equals(term: Term, connection: Connection) -> ColumnElement[bool]:
    if term.field == "is_default":
        is_default = vims.c.default_of.is_not(None)
        return is_default if term.value == "true" else ~is_default
    if term.field == "status":
        return has_status(term.value)
    column = vims.c[term.field]
    if term.field in _WILD_FIELDS and "*" in term.value:
        return matches(column, term.value, connection.dialect)
    return column == term.value
