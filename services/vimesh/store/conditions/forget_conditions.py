"""Deletes conditions and certificates: those of VIMs that are gone, and those that nobody looks at any more."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete

from vimesh.domain.probing import Depth, ProbePolicy
from vimesh.domain.vim_conditions.condition_rules import applies
from vimesh.store.schema.condition_tables import vim_certificates, vim_conditions
from vimesh.store.shown_vims.condition_rows import read_seen

_OF_VIM = delete(vim_conditions).where(vim_conditions.c.number == bindparam("of_number"))
_OF_TYPES = _OF_VIM.where(vim_conditions.c.type.in_(bindparam("types", expanding=True)))
_CERTIFICATE = delete(vim_certificates).where(vim_certificates.c.number == bindparam("of_number"))


def forget_conditions(connection: Connection, number: int) -> None:
    """Delete all that was seen of a VIM: it is gone, or it is another one from now on."""
    for statement in (_OF_VIM, _CERTIFICATE):
        connection.execute(statement, {"of_number": number})


def forget_deeper(connection: Connection, number: int, policy: ProbePolicy) -> None:
    """Delete what was seen of a VIM deeper than its policy looks from now on."""
    seen = read_seen(connection, [number]).get(number)
    if seen is None:
        return
    if types := [type_ for type_ in seen.conditions if not applies(type_, policy)]:
        connection.execute(_OF_TYPES, {"of_number": number, "types": types})
    if seen.certificate is not None and not policy.reaches(Depth.API):
        connection.execute(_CERTIFICATE, {"of_number": number})
