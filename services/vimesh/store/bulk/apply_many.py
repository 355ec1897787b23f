"""Plans what makes VIMs what they should be, and carries it out.

Plans are made from a read, without keeping other writers waiting: usually most VIMs are as they should be. What is to
be changed is changed under the etag of the read; if somebody else was faster, that VIM is planned again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.access.quotas import Quotas
from vimesh.domain.bulk.apply_plan import (
    AppliedVim,
    ApplyRules,
    DesiredVim,
    change_of,
    managed_fields,
    require_no_conflict,
    with_defaults,
)
from vimesh.domain.errors import EtagMismatch, NotInApplySet, VimeshError
from vimesh.domain.events import EventKind
from vimesh.domain.vims import AppliedFields, Modification, Registration
from vimesh.store.bulk.change_many import change_each
from vimesh.store.change_log.transaction import Changes
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.vim_rows import applied_of
from vimesh.store.rows.vim_secrets import SECRETS, require_complete
from vimesh.store.rows.visible_rows import VISIBLE_COLUMNS, WHOLE_VIM, Row
from vimesh.store.schema.tables import vims
from vimesh.store.views.vantage_check import VantageCheck
from vimesh.store.vims.field_differences import field_differences
from vimesh.store.vims.modify_vim import changed_columns, modify_one
from vimesh.store.vims.quota_check import QuotaCheck
from vimesh.store.vims.register_vim import deregister_one, raise_if_taken

_NAMED = (
    select(*VISIBLE_COLUMNS, vims.c[SECRETS])
    .select_from(WHOLE_VIM)
    .where(vims.c.project_id == bindparam("project"), vims.c.name.in_(bindparam("names", expanding=True)))
)
_READ_AT_ONCE: Final = 50
"""VIMs that are in memory at a time: each may have hundreds of kilobytes."""


@dataclass(frozen=True, slots=True)
class PlannedVim:
    """What is to be done with a VIM, and what that comes to."""

    outcome: AppliedVim
    registration: Registration | None = None
    """If it is to be registered."""
    modification: Modification | None = None
    """If it is to be modified, with the etag of the read."""
    project_id: str = ""
    name: str = ""

    @property
    def changes_stored(self) -> bool:
        """Whether it changes a VIM that exists."""
        return self.outcome.kind in (EventKind.MODIFIED, EventKind.DEREGISTERED)


def plan_many(
    connection: Connection, desired: Sequence[DesiredVim], rules: ApplyRules, cipher: Cipher, caller: Caller
) -> list[PlannedVim | VimeshError]:
    """Compare VIMs with what is stored; the result of a refused one is its error."""
    planned: list[PlannedVim | VimeshError] = []
    vantage_check = VantageCheck(connection)
    for start in range(0, len(desired), _READ_AT_ONCE):
        chosen = desired[start : start + _READ_AT_ONCE]
        rows = _read_named(connection, chosen, caller)
        for one in chosen:
            try:
                planned.append(_plan(one, rows.get((one.project_id, one.name)), rules, cipher, vantage_check))
            except VimeshError as error:
                planned.append(error.with_traceback(None))
    return planned


def _read_named(connection: Connection, desired: Sequence[DesiredVim], caller: Caller) -> Mapping[tuple[str, str], Row]:
    names: dict[str, list[str]] = {}
    for one in desired:
        if caller.sees(one.project_id):
            names.setdefault(one.project_id, []).append(one.name)
    return {
        (row["project_id"], row["name"]): row
        for project_id, of_project in names.items()
        for row in connection.execute(_NAMED, {"project": project_id, "names": of_project}).mappings()
    }


def _plan(
    desired: DesiredVim, row: Row | None, rules: ApplyRules, cipher: Cipher, vantage_check: VantageCheck
) -> PlannedVim:
    """Return what is to be done with a VIM.

    Raises NotInApplySet, ApplyConflict, EtagMismatch, BadInput, OlderConductors, and StoreUnavailable if credentials
    are lost.
    """
    if row is None:
        return _plan_new(desired, rules, vantage_check)
    stored = applied_of(row)
    unchanged = PlannedVim(AppliedVim(None, row["id"], row["etag"]))
    if desired.absent:
        if stored is None or stored.apply_set != rules.apply_set:
            raise NotInApplySet(desired.name, stored.apply_set if stored else "")
        _require_etag(desired, row)
        return replace(unchanged, outcome=replace(unchanged.outcome, kind=EventKind.DEREGISTERED))
    managed = managed_fields(desired.name, stored, rules)
    modification = with_defaults(desired.modification, managed - desired.fields)
    differences = field_differences(row, changed_columns(row, modification, cipher, vantage_check))
    applied = AppliedFields(rules.apply_set, desired.fields)
    if not differences and applied == stored:
        return unchanged
    _require_etag(desired, row)
    if not rules.force:
        require_no_conflict(desired, managed, stored, differences)
    return PlannedVim(
        AppliedVim(EventKind.MODIFIED, row["id"], row["etag"], tuple(map(change_of, differences))),
        modification=replace(modification, applied=applied, etag=row["etag"]),
        project_id=desired.project_id,
        name=desired.name,
    )


def _plan_new(desired: DesiredVim, rules: ApplyRules, vantage_check: VantageCheck) -> PlannedVim:
    if desired.absent:
        return PlannedVim(AppliedVim(None, "", ""))
    if desired.etag:
        raise EtagMismatch(desired.name)
    registration = desired.registration(rules)
    require_complete(registration)
    vantage_check.require(registration.policy)
    return PlannedVim(AppliedVim(EventKind.REGISTERED, "", ""), registration=registration)


def _require_etag(desired: DesiredVim, row: Row) -> None:
    if desired.is_new or (desired.etag and desired.etag != row["etag"]):
        raise EtagMismatch(row["id"])


def change_planned(
    connection: Connection, planned: Sequence[PlannedVim], cipher: Cipher, caller: Caller, *, quotas: Quotas
) -> list[AppliedVim | VimeshError]:
    """Modify and deregister VIMs as planned, in one transaction; the result of a refused one is its error.

    EtagMismatch and VimNotFound say that somebody else has changed it since the plan.
    """

    def change(changes: Changes, one: PlannedVim, quota_check: QuotaCheck) -> AppliedVim:
        outcome = one.outcome
        if one.modification is None:
            deregister_one(changes, outcome.vim_id, caller, quota_check=quota_check, etag=outcome.etag)
            return outcome
        if one.modification.is_default:
            # Other writers are locked out, so the database never has to refuse it, which would end the transaction.
            raise_if_taken(changes.connection, outcome.vim_id, one.project_id, name=one.name, is_default=True)
        modify_one(changes, outcome.vim_id, one.modification, cipher, caller, quota_check=quota_check)
        return outcome

    return change_each(connection, planned, change, quotas)
