"""Reads the conditions and certificates of VIMs, and converts them to what is shown, and to the documents of events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection, select

from vimesh.domain.conditions.conditions import Certificate, ConditionStatus, TimedCondition
from vimesh.domain.vim_conditions.condition_rules import told
from vimesh.domain.vims import Vim
from vimesh.store.rows.visible_rows import CONDITIONED, Row
from vimesh.store.schema.condition_tables import vim_certificates, vim_conditions
from vimesh.store.schema.timestamps import micros_of, moment
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_CONDITIONS = PreparedStatement(
    select(
        vim_conditions.c.number,
        *(vim_conditions.c[name] for name in ("type", "status", "reason", "message", "transition_time")),
    ).where(among(vim_conditions.c.number, "numbers"))
)
# Not prepared: it has JSON.
_CERTIFICATES = select(vim_certificates)
_CONDITION_KEY: Final = "conditions"
"""Key of the changed conditions in the document of an event."""
_CERTIFICATE_KEY: Final = "certificate"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen last of a VIM."""

    conditions: dict[str, TimedCondition] = field(default_factory=dict)
    """By their types."""
    certificate: Certificate | None = None


def read_seen(connection: Connection, numbers: Sequence[int]) -> dict[int, Seen]:
    """Return what is on record of the VIMs with these numbers. Those without anything are left out."""
    if not numbers:
        return {}
    conditions: dict[int, dict[str, TimedCondition]] = {}
    for number, *values in _CONDITIONS.rows(connection, {"numbers": list(numbers)}):
        one = condition_of(values)
        conditions.setdefault(number, {})[one.type] = one
    statement = _CERTIFICATES.where(vim_certificates.c.number.in_(list(numbers)))
    certificates = {row["number"]: certificate_of(row) for row in connection.execute(statement).mappings()}
    return {
        number: Seen(conditions.get(number, {}), certificates.get(number)) for number in {*conditions, *certificates}
    }


def condition_of(values: Sequence[Any]) -> TimedCondition:
    type_, status, reason, message, time = values
    return TimedCondition(type_, ConditionStatus(status), reason, message, moment(time))


def certificate_of(row: Row) -> Certificate:
    return Certificate(
        subject=row["subject"],
        issuer=row["issuer"],
        names=tuple(row["names"]),
        not_before=moment(row["not_before"]),
        not_after=moment(row["not_after"]),
        sha256=row["sha256"],
        chain_subjects=tuple(row["chain_subjects"]),
        verified=None if row["verified"] is None else bool(row["verified"]),
        verify_error=row["verify_error"],
    )


def columns_of_condition(condition: TimedCondition) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status.value,
        "reason": condition.reason,
        "message": condition.message,
        "transition_time": micros_of(condition.transition_time),
    }


def columns_of_certificate(certificate: Certificate) -> dict[str, Any]:
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(certificate.names),
        "not_before": micros_of(certificate.not_before),
        "not_after": micros_of(certificate.not_after),
        "sha256": certificate.sha256,
        "chain_subjects": list(certificate.chain_subjects),
        "verified": certificate.verified,
        "verify_error": certificate.verify_error,
    }


def with_conditions(connection: Connection, rows: Iterable[Row], vims: Sequence[Vim]) -> Sequence[Vim]:
    """Return the VIMs of visible rows with their conditions and certificates. If none has any, nothing is read."""
    of_vims = {row["id"]: row for row in rows if row[CONDITIONED] is not None}
    if not of_vims:
        return vims
    seen = read_seen(connection, [row[CONDITIONED] for row in of_vims.values()])
    return [
        _with_seen(vim, seen[row[CONDITIONED]], row["now"])
        if (row := of_vims.get(vim.id)) is not None and row[CONDITIONED] in seen
        else vim
        for vim in vims
    ]


def _with_seen(vim: Vim, seen: Seen, now: int) -> Vim:
    conditions = told(
        seen.conditions.values(),
        seen.certificate,
        moment(now),
        status=vim.status,
        reason=vim.reason,
        status_time=vim.status_time,
    )
    return replace(vim, conditions=conditions, certificate=seen.certificate)


def document_of_changes(conditions: Iterable[TimedCondition], certificate: Certificate | None) -> dict[str, Any]:
    """Return the document of an event of changed conditions."""
    document: dict[str, Any] = {_CONDITION_KEY: [columns_of_condition(one) for one in conditions]}
    return document if certificate is None else {**document, _CERTIFICATE_KEY: columns_of_certificate(certificate)}


def conditions_of_document(document: Mapping[str, Any]) -> tuple[TimedCondition, ...]:
    return tuple(
        condition_of([one[name] for name in ("type", "status", "reason", "message", "transition_time")])
        for one in document[_CONDITION_KEY]
    )


def certificate_of_document(document: Mapping[str, Any]) -> Certificate | None:
    return certificate_of(document[_CERTIFICATE_KEY]) if _CERTIFICATE_KEY in document else None
