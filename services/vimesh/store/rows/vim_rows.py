"""Rows and the domain's values.

A row here is a mapping of public column names to plain values: what a SELECT returns, what an INSERT takes, and what
an event keeps as its document, all the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from vimesh.domain.events import BULKY_FIELDS
from vimesh.domain.probing import POLICY_FIELDS, Method, ProbePolicy
from vimesh.domain.vims import Engine, Monitor, MonitorState, Status, Vim
from vimesh.store.rows.visible_rows import PUBLIC, Row, shown
from vimesh.store.schema.timestamps import moment

_FIRST_POLICY_FIELDS = tuple(name for name in POLICY_FIELDS if name != "fail_for_s")
"""What earlier versions know, which may share the database: a policy that needs no more is stored as they store it, so
that they can read it, and find it the same."""
_KEPT = (*(column.name for column in PUBLIC), "lapsed", "waiting")
_CHANGED = "changed"
"""The fields that people changed. A document that has it holds of the bulky ones only these."""


def vim_of(stored: Row) -> Vim:
    """Read a row that is shown: see `shown`."""
    row = shown(stored)
    return Vim(
        id=row["id"],
        project_id=row["project_id"],
        name=row["name"],
        description=row["description"],
        type=row["type"],
        auth_url=row["auth_url"],
        vim_project=row["vim_project"],
        auth_cred=row["auth_cred"],
        is_default=row["default_of"] is not None,
        placement_attr=row["placement_attr"],
        extra=row["extra"],
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
    )


def _end_of_lease(row: Row) -> dt.datetime | None:
    # Without a lease: what an event kept before there were any.
    if row["contact_time"] is None or row["lease_until"] is None:
        return None
    return moment(row["lease_until"])


def _monitor_of(row: Row) -> Monitor:
    heard = row["contact_time"]
    return Monitor(
        engine=Engine(row["engine"]),
        action_id=row["action_id"],
        state=_state_of(row),
        last_error=row["monitor_error"],
        contact_time=None if heard is None else moment(heard),
    )


def _state_of(row: Row) -> MonitorState:
    if row["waiting"]:
        return MonitorState.WAITING
    if row["lapsed"]:
        return MonitorState.SILENT
    return MonitorState.STARTING if row["contact_time"] is None else MonitorState.RUNNING


def document_of(row: Row) -> dict[str, Any]:
    """Return what an event keeps of a row that is shown: all but the secrets."""
    return {name: row[name] for name in _KEPT}


def changed_document_of(row: Row, changed_fields: Sequence[str]) -> dict[str, Any]:
    """Return what an event keeps if only these fields are news: of the bulky ones no others."""
    document = document_of(row)
    for name in omitted_fields(changed_fields):
        # Empty, not left out: earlier versions, which may share the database, could not read it.
        document[name] = type(document[name])()
    return {**document, _CHANGED: list(changed_fields)}


def omitted_fields(changed_fields: Sequence[str]) -> frozenset[str]:
    """Return the bulky fields that a document does not hold."""
    return frozenset(BULKY_FIELDS).difference(changed_fields)


def changed_fields_of(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the fields that people changed; None if the document holds the whole VIM."""
    return tuple(document[_CHANGED]) if _CHANGED in document else None


def vim_of_document(document: Mapping[str, Any]) -> Vim:
    """Read what an event kept, also of a version that knew no leases."""
    return vim_of({"lease_until": None, "holds": False, "lapsed": False, "waiting": False, **document})


def policy_of(kept: Mapping[str, Any]) -> ProbePolicy:
    return ProbePolicy(**{**kept, "method": Method(kept["method"])})


def kept_policy(policy: ProbePolicy) -> dict[str, object]:
    return {name: getattr(policy, name) for name in (POLICY_FIELDS if policy.fail_for_s else _FIRST_POLICY_FIELDS)}
