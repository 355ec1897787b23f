"""Makes notifications for the tests of senders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from vimesh.domain.notifications.notifications import Change, ChangeKind, Notification, NotificationKind
from vimesh.domain.vims import Status

BEGAN = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
LABELS: Mapping[str, str] = {"example.org/site": "lab"}


def vim_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def change(number: int = 1, kind: ChangeKind = ChangeKind.PROBLEM) -> Change:
    """Return a change of the VIM with a number."""
    is_resolved = kind is ChangeKind.RESOLVED
    return Change(
        revision=100 + number,
        kind=kind,
        vim_id=vim_id(number),
        vim_name=f"vim-{number}",
        vim_type="openstack",
        project_id="tenant",
        auth_url="http://192.0.2.1:5000/v3",
        labels=LABELS,
        status=Status.REACHABLE if is_resolved else Status.UNREACHABLE,
        previous_status=Status.UNREACHABLE if is_resolved else Status.REACHABLE,
        reason="" if is_resolved else "TIMEOUT",
        detail="" if is_resolved else "no answer within 5 s",
        time=BEGAN + dt.timedelta(minutes=10 if is_resolved else 0),
        since=BEGAN,
    )


def notification(*changes: Change, kind: NotificationKind = NotificationKind.CHANGES, number: int = 1) -> Notification:
    resolved = sum(one.kind is ChangeKind.RESOLVED for one in changes)
    return Notification(
        id=f"11111111-0000-4000-8000-{number:012d}",
        receiver_id="22222222-0000-4000-8000-000000000001",
        receiver_name="on-call",
        kind=kind,
        group_key='{"reason":"TIMEOUT"}' if changes else "{}",
        group={"reason": "TIMEOUT"} if changes else {},
        changes=changes,
        vim_count=len({one.vim_id for one in changes}),
        problem_count=len(changes) - resolved,
        resolved_count=resolved,
    )
