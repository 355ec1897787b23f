"""Modifies VIMs: a new target gets a new action in the same transaction (G11)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from vimesh.domain.access.caller import Caller
from vimesh.domain.access.quotas import Quotas
from vimesh.domain.credential_masks import holds_mask, put_back, require_no_mask, unmask
from vimesh.domain.errors import BadInput, EtagMismatch, StoreUnavailable, VimNotFound, Violation
from vimesh.domain.events import EventKind
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.leases import start_grace_s
from vimesh.domain.probing import Depth, PolicyChange, ProbePolicy, without_vantages
from vimesh.domain.views.vantages import require_monitors
from vimesh.domain.vims import Engine, Modification, Status, Vim
from vimesh.store.change_log.transaction import Changes, previous_of
from vimesh.store.conditions.forget_conditions import forget_conditions, forget_deeper
from vimesh.store.leases.lapse_leases import LAPSE_COLUMNS, SILENCE_COLUMNS, record_silence
from vimesh.store.rows import label_rows
from vimesh.store.rows.credential_encryption import Cipher, Undecipherable
from vimesh.store.rows.vim_rows import (
    applied_of,
    changed_document_of,
    columns_of_applied,
    copied_columns,
    policy_of,
    replaced_values,
    stored_policy,
)
from vimesh.store.rows.vim_secrets import (
    SECRET_FIELDS,
    SECRETS,
    Fields,
    is_same_json,
    is_sealed_alike,
    seal,
    shown_columns,
    unseal,
)
from vimesh.store.rows.visible_rows import CONDITIONED, VISIBLE_COLUMNS, WHOLE_VIM, Row, as_started
from vimesh.store.schema.tables import leases, standings
from vimesh.store.schema.tables import vims as table
from vimesh.store.schema.timestamps import micros
from vimesh.store.shown_vims.current_maintenance import visible_vims
from vimesh.store.views.divide_views import (
    Division,
    columns_of_vantages,
    document_of_stopped,
    settled,
    vantages_of,
)
from vimesh.store.views.vantage_check import VantageCheck
from vimesh.store.vims import read_vims
from vimesh.store.vims.field_differences import field_differences
from vimesh.store.vims.quota_check import QuotaCheck
from vimesh.store.vims.register_vim import first_action_id, raise_if_taken

_ONE = (
    select(*VISIBLE_COLUMNS, table.c[SECRETS], standings.c.number)
    .select_from(WHOLE_VIM)
    .where(table.c.id == bindparam("vim_id"))
)
_STORE = (
    update(table).where(table.c.id == bindparam("of_vim")),
    update(standings).where(standings.c.number == bindparam("of_number")),
    update(leases).where(leases.c.number == bindparam("of_number")),
)
_TARGET = ("type", "auth_url", "engine")
_FIELDS = {
    "engine": "monitor",
    "policy": "probe_policy",
    "default_of": "is_default",
    "apply_set": "applied",
    "applied_fields": "applied",
}
"""The fields of the API contract that columns of other names belong to."""


def modify(  # noqa: PLR0913 - what, for whom, and two collaborators
    connection: Connection, vim_id: str, modification: Modification, cipher: Cipher, caller: Caller, *, quotas: Quotas
) -> Vim:
    """Modify a VIM in a transaction of its own. Raises as `modify_one`."""
    changes = Changes.begin(connection)
    quota_check = QuotaCheck(changes, quotas)
    vim = modify_one(changes, vim_id, modification, cipher, caller, quota_check=quota_check)
    quota_check.write()
    changes.write()
    return vim


def modify_one(  # noqa: PLR0913 - what, for whom, and three collaborators
    changes: Changes,
    vim_id: str,
    modification: Modification,
    cipher: Cipher,
    caller: Caller,
    *,
    quota_check: QuotaCheck,
) -> Vim:
    """Modify a VIM in a transaction that may change others, too. Whatever it raises, nothing was changed.

    Raises VimNotFound, EtagMismatch, BadInput, OlderConductors, QuotaExceeded, ChangeRateExceeded; StoreUnavailable if
    stored credentials are needed and their key is lost; IntegrityError, which ends the transaction, if a unique key is
    taken.
    """
    connection = changes.connection
    row = connection.execute(_ONE, {"vim_id": vim_id}).mappings().one_or_none()
    if row is None or not caller.sees(row["project_id"]):
        raise VimNotFound(vim_id)
    if modification.etag and modification.etag != row["etag"]:
        raise EtagMismatch(vim_id)
    changed = changed_columns(row, modification, cipher, VantageCheck(connection))
    replaces_action = _needs_new_action(row, changed) or _reopens(row, modification)
    if not (changed or replaces_action or _applies_anew(row, modification)):
        return visible_vims(connection, [row])[0]
    quota_check.require_change(row["project_id"])
    # A modification that reopens an EXTERNAL VIM may change nothing but its action.
    changed |= _applied_changes(row, modification, changed)
    fields = dict.fromkeys(_FIELDS.get(column, column) for column in changed if column != SECRETS)
    changed_fields = list(fields) or ["monitor"]
    viewed = settled(connection, row, changes)
    before = record_silence(row, changes) if viewed is None else {**row, **viewed.row}
    policy = policy_of(changed.get("policy", row["policy"]))
    division = Division.of(before, viewed, policy, changes.now, keeps=not replaces_action)
    replaced = replaced_values(before, (*changed, "etag", "update_time"))
    changed |= {column: before[column] for column in (*SILENCE_COLUMNS, *LAPSE_COLUMNS)}
    changed |= {"etag": secrets.token_hex(16), "revision": changes.next_revision(), "update_time": changes.now}
    if replaces_action:
        changed |= _new_action(before, modification.engine, changes.now) | columns_of_vantages(policy)
    elif division is not None:
        changed |= division.columns()
    after: Row = {**before, **changed}
    if "labels" in changed:
        label_rows.replace_of(connection, row, after)
    after = as_started(after) if replaces_action else after
    stopped = division.stopped if division is not None else [before] if replaces_action else []
    size = changes.add(
        EventKind.MODIFIED,
        after,
        previous=previous_of(before),
        stopped=stopped[0] if stopped else None,
        document={**changed_document_of(after, changed_fields, replaced), **document_of_stopped(stopped)},
        actor=caller.identity,
    )
    if division is not None:
        division.write(connection, row["number"])
        followed = {} if replaces_action else division.follow(after, changes)
        changed, after = {**changed, **followed}, {**after, **followed}
    for store in _STORE:
        values = {column: value for column, value in changed.items() if column in store.table.c}
        connection.execute(store.values(values), {"of_vim": vim_id, "of_number": row["number"]})
    if replaces_action and row[CONDITIONED] is not None:
        _forget_conditions(connection, row, changed, policy)
    quota_check.count(row["project_id"], size)
    return visible_vims(connection, [after])[0]


def _forget_conditions(connection: Connection, row: Row, changed: Mapping[str, Any], policy: ProbePolicy) -> None:
    """Delete what was seen of another target, or deeper than the policy looks now."""
    if any(column in changed for column in _TARGET):
        forget_conditions(connection, row["number"])
    else:
        forget_deeper(connection, row["number"], policy)


def explain_conflict(connection: Connection, vim_id: str, modification: Modification) -> None:
    """Raise the error for the unique key that another VIM holds: NameTaken, DefaultTaken. Raises VimNotFound."""
    vim = read_vims.get(connection, vim_id)
    name = vim.name if modification.name is None else modification.name
    is_default = vim.is_default if modification.is_default is None else modification.is_default
    raise_if_taken(connection, vim_id, vim.project_id, name=name, is_default=is_default)


def changed_columns(
    row: Row, modification: Modification, cipher: Cipher, vantage_check: VantageCheck
) -> dict[str, Any]:
    """Return the columns that a modification would change, with their new values, but for what apply sets manage.

    Raises BadInput, OlderConductors, and StoreUnavailable if stored credentials are needed and their key is lost.
    """
    copied, converted = _copied_changes(row, modification), _converted_changes(row, modification)
    after: Row = {**row, **copied, **converted}
    policy = policy_of(after["policy"])
    require_monitors(Engine(after["engine"]), policy)
    if "policy" in converted:
        vantage_check.require(policy)
    changed = copied | _secret_changes(row, modification, cipher) | converted
    if policy.depth is Depth.LOGIN:
        _require_whole_credentials(row, modification, changed)
    return changed


def _require_whole_credentials(before: Row, modification: Modification, changed: Mapping[str, Any]) -> None:
    """Raise BadInput if credentials would go where nobody who knows them has said.

    Whoever may modify a VIM could read its password otherwise: by an auth_url of their own, or without certificates.
    """
    begins = policy_of(before["policy"]).depth is not Depth.LOGIN
    goes_elsewhere = begins or not changed.keys().isdisjoint({"auth_url", "auth_cred", SECRETS})
    if not goes_elsewhere or not before["auth_cred"]:
        return
    if modification.auth_cred is not None and not holds_mask(modification.auth_cred):
        return
    text = (
        "must be given whole, without `***`: with the depth LOGIN it is sent to the auth_url, and only somebody who"
        " knows it may begin that, or change where it goes"
    )
    raise BadInput(Violation("vim.auth_cred", text))


def _needs_new_action(before: Row, changed: Mapping[str, Any]) -> bool:
    """Return whether what the VIM's actions do changes, or who does it: not if other vantages are added or removed."""
    if any(column in changed for column in _TARGET):
        return True
    old, new = policy_of(before["policy"]), policy_of(changed.get("policy", before["policy"]))
    if without_vantages(old) != without_vantages(new):
        return True
    return max(len(old.vantages), len(new.vantages)) <= 1 and vantages_of(old) != vantages_of(new)


def _applies_anew(before: Row, modification: Modification) -> bool:
    """Return whether an apply set manages other fields from now on."""
    return modification.applied is not None and modification.applied != applied_of(before)


def _applied_changes(before: Row, modification: Modification, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that hold what an apply set manages, if that changes: what others change is no longer its."""
    stored = applied_of(before)
    applied = modification.applied
    if applied is None and stored is not None:
        applied = stored.overridden_by([one.field for one in field_differences(before, changed)])
    return columns_of_applied(applied) if applied != stored else {}


def _copied_changes(before: Row, modification: Modification) -> dict[str, Any]:
    """Return the columns that differ and hold a field as it was given."""
    return {
        column: value
        for column, value in copied_columns(modification).items()
        if value is not None and not is_same_json(value, before[column])
    }


def _converted_changes(before: Row, modification: Modification) -> dict[str, Any]:
    """Return the columns that differ and hold a field in another form, except the credentials."""
    changed: dict[str, Any] = {}
    if (policy := modification.policy) is not None:
        policy = policy.onto(policy_of(before["policy"])) if isinstance(policy, PolicyChange) else policy
        if not is_same_json(stored := stored_policy(policy), before["policy"]):
            changed["policy"] = stored
    if (labels := modification.labels) is not None:
        stored_labels = before["labels"] or {}
        labels = labels.onto(stored_labels) if isinstance(labels, LabelChange) else dict(labels)
        if labels != stored_labels:
            changed["labels"] = dict(sorted(labels.items())) or None
    if modification.is_default not in (None, before["default_of"] is not None):
        changed["default_of"] = before["project_id"] if modification.is_default else None
    return changed


def _reopens(before: Row, modification: Modification) -> bool:
    """Return whether an EXTERNAL VIM has to accept actions again that know only its id."""
    return modification.engine is Engine.EXTERNAL and before["action_id"] != before["id"]


def _secret_changes(before: Row, modification: Modification, cipher: Cipher) -> dict[str, Any]:
    """Return the columns of the fields that may hold secrets and differ, with the sealed content if that differs.

    Raises BadInput for a `***` without a stored value, StoreUnavailable if the stored values cannot be decrypted.
    """
    given = {name: value for name in SECRET_FIELDS if (value := getattr(modification, name)) is not None}
    if not given:
        return {}
    try:
        stored = unseal(before, cipher)
    except Undecipherable as error:
        return _without_stored(before, given, cipher, error)
    after = {**stored, **{name: _completed(name, value, stored[name]) for name, value in given.items()}}
    changed = {name: after[name] for name in given if not is_same_json(after[name], stored[name])}
    sealed = {} if is_sealed_alike(stored, after) else {SECRETS: seal(after, cipher)}
    return {**shown_columns(changed), **sealed}


def _completed(name: str, given: Mapping[str, object], stored: Mapping[str, object]) -> dict[str, object]:
    """Return the new value of a field, with the stored one for each mask. Raises BadInput if none is stored."""
    if name == "auth_cred":
        return unmask(given, stored)
    completed = put_back(given, stored)
    require_no_mask(completed, f"vim.{name}")
    return completed


def _without_stored(before: Row, given: Fields, cipher: Cipher, error: Undecipherable) -> dict[str, Any]:
    """Return the changes of a VIM whose key is lost: new credentials repair it, but the values of masks are gone."""
    shown = shown_columns(given)
    keeps_sealed = "auth_cred" not in given
    if keeps_sealed and shown != given:
        # New secrets must be sealed together with the credentials.
        raise StoreUnavailable from error
    try:
        after = {name: _completed(name, given.get(name, {}), {}) for name in SECRET_FIELDS}
    except BadInput:
        raise StoreUnavailable from error
    changed = {name: value for name, value in shown.items() if not is_same_json(value, before[name])}
    return changed if keeps_sealed else {**changed, "auth_cred": shown["auth_cred"], SECRETS: seal(after, cipher)}


def _next_action_id(before: Row, engine: Engine | None) -> str:
    first = first_action_id(before["id"], engine or Engine(before["engine"]))
    # Actions that know only their VIM are accepted only if the caller names EXTERNAL, and only if the old target did
    # not use that action id: its action must not report on the new target.
    return first if engine and first != before["action_id"] else str(uuid.uuid4())


def _new_action(before: Row, engine: Engine | None, now: int) -> dict[str, Any]:
    """Return the columns of a new action, which has not reported yet on the new target or from the new engine."""
    pending = before["status"] == Status.PENDING
    return {
        "action_id": _next_action_id(before, engine),
        "observation": 0,
        "contact_time": None,
        "lease_until": now + micros(start_grace_s(0)),
        "holds": False,
        "unheard": 0,
        "monitor_error": "",
        "status": Status.PENDING,
        "status_time": before["status_time"] if pending else now,
        "reason": "",
        "detail": "",
        "round_trip_s": None,
    }
