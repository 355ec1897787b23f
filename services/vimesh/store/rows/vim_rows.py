"""Converts rows to VIMs of the domain, and to the documents of events.

A row is a mapping of public column names to plain values. It has the same form as the result of a SELECT, the
parameters of an INSERT, and the document of an event.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from vimesh.domain.credential_masks import MaskedValues, mask_secrets, mask_text
from vimesh.domain.probing import POLICY_FIELDS, Depth, Method, ProbePolicy
from vimesh.domain.vims import (
    BULKY_FIELDS,
    AppliedFields,
    Engine,
    Modification,
    Monitor,
    MonitorState,
    Registration,
    Status,
    Vim,
)
from vimesh.store.rows.vim_secrets import FREE_FORM
from vimesh.store.rows.visible_rows import PUBLIC_COLUMNS, Row, as_visible
from vimesh.store.schema.timestamps import moment

_LATER_POLICY_FIELDS = ("fail_for_s", "vantages", "quorum", "depth", "login_interval_s")
_DEFAULT_POLICY: Final = ProbePolicy()
_FIRST_POLICY_FIELDS = tuple(name for name in POLICY_FIELDS if name not in _LATER_POLICY_FIELDS)
"""The policy fields of earlier versions, which may share the database: a policy that needs no other field is stored in
their form, so that they can read it and find it unchanged."""
_KEPT = (*(column.name for column in PUBLIC_COLUMNS), "lapsed", "waiting")
_LATER_COLUMNS = {
    "lease_until": None,
    "holds": False,
    "lapsed": False,
    "waiting": False,
    "labels": None,
    "apply_set": "",
    "applied_fields": None,
}
"""Columns that the documents of earlier versions lack, with the values to assume for them."""
_CHANGED = "changed"
"""Key of the fields that users changed. A document with this key contains only these of the bulky fields."""
STOPPED: Final = "stopped_views"
"""Key of the actions of vantages that a change stopped, besides the one that its event names."""
REPLACED: Final = "replaced"
"""Key of the values before the change. Those of large fields are in no other document that is sure to be kept."""


def copied_columns(fields: Registration | Modification) -> dict[str, Any]:
    """Return the columns that hold a field as it was given; None, in a modification, leaves a column as it is.

    The fields that may hold secrets are in `vim_secrets`.
    """
    return {
        "name": fields.name,
        "description": fields.description,
        "type": fields.type,
        "auth_url": fields.auth_url,
        "engine": fields.engine,
    }


def vim_of(stored: Row) -> Vim:
    """Return the VIM of a row, with the values that are visible now; see `as_visible`.

    Rows and events of earlier versions have secrets in free-form fields and URLs, which are masked here.
    """
    row = as_visible(stored)
    return Vim(
        id=row["id"],
        project_id=row["project_id"],
        name=row["name"],
        description=row["description"],
        type=row["type"],
        auth_url=mask_text(row["auth_url"]),
        vim_project=_masked(row["vim_project"]),
        auth_cred=row["auth_cred"],
        is_default=row["default_of"] is not None,
        placement_attr=_masked(row["placement_attr"]),
        extra=_masked(row["extra"]),
        policy=policy_of(row["policy"]),
        status=Status(row["status"]),
        reason=row["reason"],
        detail=row["detail"],
        round_trip_s=row["round_trip_s"],
        status_time=moment(row["status_time"]),
        valid_until=_end_of_lease(row),
        monitor=_monitor_of(row),
        revision=row["revision"],
        etag=row["etag"],
        create_time=moment(row["create_time"]),
        update_time=moment(row["update_time"]),
        labels=row["labels"] or {},
        applied=applied_of(row),
    )


def _masked(values: Mapping[str, object]) -> Mapping[str, object]:
    return values if isinstance(values, MaskedValues) else mask_secrets(values)


def applied_of(row: Row) -> AppliedFields | None:
    """Return what an apply set manages of the VIM of a row; None if it belongs to none."""
    if not row["apply_set"]:
        return None
    fields: Mapping[str, bool] = row["applied_fields"] or {}
    return AppliedFields(
        row["apply_set"],
        frozenset(path for path, is_managed in fields.items() if is_managed),
        frozenset(path for path, is_managed in fields.items() if not is_managed),
    )


def columns_of_applied(applied: AppliedFields | None) -> dict[str, Any]:
    """Return the columns that hold what an apply set manages."""
    if applied is None:
        return {"apply_set": "", "applied_fields": None}
    fields = {**dict.fromkeys(applied.overridden, False), **dict.fromkeys(applied.fields, True)}
    return {"apply_set": applied.apply_set, "applied_fields": dict(sorted(fields.items()))}


def _end_of_lease(row: Row) -> dt.datetime | None:
    # Documents of events from versions before leases have no lease_until.
    if row["contact_time"] is None or row["lease_until"] is None:
        return None
    return moment(row["lease_until"])


def _monitor_of(row: Row) -> Monitor:
    contact_time = row["contact_time"]
    return Monitor(
        engine=Engine(row["engine"]),
        action_id=row["action_id"],
        state=_state_of(row),
        last_error=row["monitor_error"],
        contact_time=None if contact_time is None else moment(contact_time),
    )


def _state_of(row: Row) -> MonitorState:
    if row["waiting"]:
        return MonitorState.WAITING
    if row["lapsed"]:
        return MonitorState.SILENT
    return MonitorState.STARTING if row["contact_time"] is None else MonitorState.RUNNING


def document_of(row: Row, *, is_masked: bool = False) -> dict[str, Any]:
    """Return the document of an event for a visible row: everything except the secrets.

    `is_masked`: the free-form fields are masked. In a row of an earlier version they may hold secrets in the clear.
    """
    document = {name: row[name] for name in _KEPT}
    document["auth_url"] = mask_text(row["auth_url"])
    if not is_masked:
        for name in FREE_FORM:
            document[name] = mask_secrets(row[name])
    return document


def changed_document_of(row: Row, changed_fields: Sequence[str], replaced: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of an event if only these fields changed: it omits all other bulky fields.

    `replaced` are the values of columns before the change; see `replaced_values`.
    """
    document = document_of(row)
    for name in omitted_fields(changed_fields):
        # Empty instead of missing: earlier versions, which may share the database, could not read it otherwise.
        document[name] = type(document[name])()
    return {**document, _CHANGED: list(changed_fields), REPLACED: replaced}


def replaced_values(before: Row, columns: Iterable[str]) -> dict[str, Any]:
    """Return the values, as clients may see them, of those of the columns that documents have."""
    document = document_of(before)
    return {name: document[name] for name in columns if name in document}


def omitted_fields(changed_fields: Sequence[str]) -> frozenset[str]:
    """Return the bulky fields that a document omits."""
    return frozenset(BULKY_FIELDS).difference(changed_fields)


def stopped_views_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the actions of vantages that a change stopped, besides the one that its event names."""
    return tuple(document.get(STOPPED, ()))


def changed_fields_of(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the fields that users changed; None if the document contains the whole VIM."""
    return tuple(document[_CHANGED]) if _CHANGED in document else None


def row_of_document(document: Mapping[str, Any]) -> Row:
    """Return the row of a document, including documents of earlier versions."""
    return {**_LATER_COLUMNS, **document}


def vim_of_document(document: Mapping[str, Any]) -> Vim:
    return vim_of(row_of_document(document))


def policy_of(stored: Mapping[str, Any]) -> ProbePolicy:
    if "vantages" in stored:
        stored = {**stored, "vantages": tuple(stored["vantages"])}
    return _policy(tuple(stored.items()))


@lru_cache(1024)
def _policy(stored: tuple[tuple[str, Any], ...]) -> ProbePolicy:
    values = dict(stored)
    depth = Depth(values.get("depth", Depth.OF_METHOD))
    return ProbePolicy(**{**values, "method": Method(values["method"]), "depth": depth})


def stored_policy(policy: ProbePolicy) -> dict[str, object]:
    """Return the policy as JSON. A later field is only there if it has another value than the default."""
    later = {name: value for name in _LATER_POLICY_FIELDS if (value := getattr(policy, name)) != _default(name)}
    if "vantages" in later:
        later["vantages"] = list(policy.vantages)
    return {name: getattr(policy, name) for name in _FIRST_POLICY_FIELDS} | later


def _default(name: str) -> object:
    return getattr(_DEFAULT_POLICY, name)
