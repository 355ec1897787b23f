"""Reads what metrics need of conditions and certificates, in pages: of fleets that have none, one short look."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, and_, bindparam, case, or_, select

from vimesh.domain.actions import Shard
from vimesh.domain.conditions.conditions import CERTIFICATE_VALID, ConditionStatus
from vimesh.domain.vim_conditions.condition_samples import CertificateSample, ConditionSample
from vimesh.store.rows.visible_rows import CERTIFICATE_IS_OVER
from vimesh.store.schema.condition_tables import vim_certificates, vim_conditions
from vimesh.store.sql.prepared_statements import PreparedStatement

_HAS_EXPIRED: Final = and_(vim_conditions.c.type == CERTIFICATE_VALID, CERTIFICATE_IS_OVER)
_NUMBER, _TYPE = vim_conditions.c.number, vim_conditions.c.type
_CONDITIONS = PreparedStatement(
    select(_NUMBER, _TYPE, case((_HAS_EXPIRED, ConditionStatus.FALSE.value), else_=vim_conditions.c.status))
    .where(
        or_(bindparam("after") < _NUMBER, and_(bindparam("same") == _NUMBER, bindparam("after_type") < _TYPE)),
        _NUMBER % bindparam("shards") == bindparam("shard"),
    )
    .order_by(_NUMBER, _TYPE)
    .limit(bindparam("count"))
)
_CERTIFICATES = PreparedStatement(
    select(vim_certificates.c.number, vim_certificates.c.not_after)
    .where(
        vim_certificates.c.number > bindparam("after"),
        vim_certificates.c.number % bindparam("shards") == bindparam("shard"),
    )
    .order_by(vim_certificates.c.number)
    .limit(bindparam("count"))
)


def condition_samples(
    connection: Connection, shard: Shard, after: tuple[int, str], limit: int
) -> list[ConditionSample]:
    """Return up to `limit` conditions of a shard after the one of this number and type."""
    number, type_ = after
    parameters = {"after": number, "same": number, "after_type": type_, "count": limit}
    rows = _CONDITIONS.rows(connection, {**parameters, "shards": shard.count, "shard": shard.index})
    return [ConditionSample(row[0], row[1], ConditionStatus(row[2])) for row in rows]


def certificate_samples(connection: Connection, shard: Shard, after: int, limit: int) -> list[CertificateSample]:
    """Return up to `limit` certificates of a shard after the one of this number."""
    parameters = {"after": after, "count": limit, "shards": shard.count, "shard": shard.index}
    return list(map(CertificateSample._make, _CERTIFICATES.rows(connection, parameters)))
