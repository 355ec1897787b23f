"""Says in words what a notification is about: what changed, since when, why, what is affected, what to look at next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from vimesh.domain.notifications.notifications import Change, ChangeKind, Notification, NotificationKind, latest_of_each
from vimesh.domain.vims import Status

FIRST_NAMES: Final = 10
"""How many VIMs a headline's summary names."""
MAX_DETAIL: Final = 300
_DEEDS = {
    ChangeKind.RESOLVED: "is {status} again",
    ChangeKind.REASON_CHANGED: "is {status} for another reason",
    ChangeKind.REGISTERED: "was registered",
    ChangeKind.MODIFIED: "was modified",
    ChangeKind.DEREGISTERED: "was deregistered",
    ChangeKind.REMINDER: "is still {status}",
}


def headline(notification: Notification) -> str:
    """Return what a notification is about, in one line."""
    if notification.kind is NotificationKind.TEST:
        return f"Test of the receiver {printable(notification.receiver_name)}"
    newest = latest_of_each(notification.changes)
    if len(newest) == 1:
        return deed(newest[0])
    if notification.kind is NotificationKind.REMINDER:
        return f"{len(newest)} VIMs still have a problem{_group(notification)}"
    parts = [
        text
        for count, text in (
            (notification.problem_count, f"{notification.problem_count} with a problem"),
            (notification.resolved_count, f"{notification.resolved_count} resolved"),
        )
        if count
    ]
    what = ", ".join(parts) or "registered, modified or deregistered"
    return f"{notification.vim_count} VIMs changed: {what}{_group(notification)}"


def deed(change: Change) -> str:
    """Return what happened to a VIM, such as `lab is UNREACHABLE`."""
    if change.kind is ChangeKind.RESOLVED and change.reason in {"DEREGISTERED", "FILTERED_OUT"}:
        gone = "was deregistered" if change.reason == "DEREGISTERED" else "is no longer selected by the filter"
        return f"{printable(change.vim_name)} {gone}"
    return f"{printable(change.vim_name)} {_DEEDS.get(change.kind, 'is {status}').format(status=change.status)}"


def line(change: Change) -> str:
    """Return a change in one line, with its time and its cause."""
    project = f", project {printable(change.project_id)}" if change.project_id else ""
    cause = f": {cause_of(change)}" if change.is_problem else ""
    since = f" since {format_time(change.since)}" if change.since else ""
    return f"{format_time(change.time)}  {deed(change)}{since}{cause} ({change.vim_type}{project})"


def cause_of(change: Change) -> str:
    """Return the reason of a problem, with its detail."""
    detail = printable(change.detail)[:MAX_DETAIL]
    return f"{printable(change.reason)} ({detail})" if detail else printable(change.reason) or "no reason is known"


def affected(notification: Notification) -> str:
    """Return which VIMs a notification is about: their number, and the first names."""
    newest = latest_of_each(notification.changes)
    names = ", ".join(printable(change.vim_name) for change in newest[:FIRST_NAMES])
    more = len(newest) - FIRST_NAMES
    count = "1 VIM" if len(newest) == 1 else f"{len(newest)} VIMs"
    return f"{count}: {names}" + (f" and {more} more" if more > 0 else "")


def next_steps(notification: Notification) -> list[str]:
    """Return commands and pages that lead on."""
    problems = [change for change in latest_of_each(notification.changes) if change.is_problem]
    if not problems:
        return []
    first = problems[0]
    page = "vim-unreachable.md" if first.status is Status.UNREACHABLE else "vim-unwatched.md"
    steps = [f"vimesh vim show {first.vim_id}", f"vimesh vim events {first.vim_id}"]
    if len(problems) > 1:
        steps.insert(0, f"vimesh vim list --filter 'status = {first.status}' --order-by status_time --long")
    return [*steps, f"docs/runbooks/{page}"]


def printable(text: str) -> str:
    """Return a text that fits on a line: whoever registers a VIM chooses its name."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)


def format_time(time: dt.datetime) -> str:
    """Return a time as RFC 3339 has it, in UTC, to the second."""
    return time.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def body_lines(notification: Notification, most: int) -> Iterator[str]:
    """Yield the whole text of a notification; of its changes, the first `most`."""
    yield headline(notification)
    if not notification.changes:
        yield "This receiver works: notifications reach it."
        return
    yield f"Affected: {affected(notification)}"
    yield ""
    yield from (line(change) for change in notification.changes[:most])
    if (more := len(notification.changes) - most) > 0:
        yield f"... and {more} more changes"
    if steps := next_steps(notification):
        yield ""
        yield "Look at next:"
        yield from (f"  {step}" for step in steps)


def _group(notification: Notification) -> str:
    values = ", ".join(f"{key} {printable(value)}" for key, value in notification.group.items() if value)
    return f" ({values})" if values else ""
