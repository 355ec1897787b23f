"""Rows and the domain's values.

A row here is a mapping of public column names to plain values: what a SELECT returns, what an INSERT takes, and what
an event keeps as its document, all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from vimesh.domain.probing import Method, ProbePolicy
from vimesh.domain.vims import Engine, Monitor, MonitorState, Status, Vim
from vimesh.store.tables import vims
from vimesh.store.times import moment

Row = Mapping[str, Any] | RowMapping

PUBLIC = tuple(column for column in vims.c if column.name != "secrets")


def vim_of(row: Row) -> Vim:
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
        monitor=_monitor_of(row),
        revision=row["revision"],
        etag=row["etag"],
        create_time=moment(row["create_time"]),
        update_time=moment(row["update_time"]),
    )


def _monitor_of(row: Row) -> Monitor:
    heard = row["contact_time"]
    return Monitor(
        engine=Engine(row["engine"]),
        action_id=row["action_id"],
        state=MonitorState.STARTING if heard is None else MonitorState.RUNNING,
        last_error=row["monitor_error"],
        contact_time=None if heard is None else moment(heard),
    )


def document_of(row: Row) -> dict[str, Any]:
    """Return what an event keeps of a row: all but the secrets."""
    return {column.name: row[column.name] for column in PUBLIC}


def policy_of(kept: Mapping[str, Any]) -> ProbePolicy:
    return ProbePolicy(**{**kept, "method": Method(kept["method"])})


def kept_policy(policy: ProbePolicy) -> dict[str, object]:
    return asdict(policy)
