"""Makes the SQL of comparisons of conditions and certificates, as `domain.filters.condition_terms` leaves them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select

from vimesh.domain.conditions.conditions import CERTIFICATE_VALID, ConditionStatus
from vimesh.domain.filters.condition_terms import CONDITION_PREFIX
from vimesh.domain.filters.filter_terms import Operator, Term
from vimesh.store.rows.visible_rows import CERTIFICATE_IS_OVER
from vimesh.store.schema.condition_tables import vim_certificates, vim_conditions
from vimesh.store.schema.tables import standings


def of_condition(term: Term) -> ColumnElement[bool]:
    """Return whether what is on record of a condition, or follows for it by time, is as the term says."""
    type_ = term.field.removeprefix(CONDITION_PREFIX)
    has_type = vim_conditions.c.type == type_
    if term.operator is Operator.HAS:
        return _exists(select(vim_conditions.c.number).where(has_type))
    status = vim_conditions.c.status == term.value
    if type_ == CERTIFICATE_VALID:
        is_false = term.value == ConditionStatus.FALSE
        status = or_(status, CERTIFICATE_IS_OVER) if is_false else and_(status, ~CERTIFICATE_IS_OVER)
    return _exists(select(vim_conditions.c.number).where(has_type, status))


def of_certificate(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a VIM has a certificate of which the condition holds."""
    return _exists(select(vim_certificates.c.number).where(condition))


def _exists(rows: Select[tuple[int]]) -> ColumnElement[bool]:
    # As a set and not one by one: few VIMs match, and an index has them.
    return standings.c.number.in_(rows)


CERTIFICATE_COLUMNS: Final[dict[str, ColumnElement[Any]]] = {
    "certificate.not_after": vim_certificates.c.not_after,
    "certificate.issuer": vim_certificates.c.issuer,
}
