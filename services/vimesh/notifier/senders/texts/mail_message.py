"""Lays out a notification as an e-mail: text and HTML, which say the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Final
from uuid import UUID, uuid5

from vimesh.domain.notifications.notifications import Change, Notification
from vimesh.domain.notifications.targets import EmailTarget
from vimesh.notifier.senders.texts.notification_texts import (
    affected,
    body_lines,
    cause_of,
    deed,
    format_time,
    headline,
    next_steps,
    printable,
)

CHANGES_IN_A_MAIL: Final = 200
MAX_SUBJECT: Final = 200
DOMAIN: Final = "vimesh.invalid"
"""Of the ids of messages: nobody's (RFC 2606)."""


def mail_message(notification: Notification, target: EmailTarget, now: dt.datetime) -> EmailMessage:
    """Return the message. A repeat has the same id, and all messages of a group are one thread."""
    message = EmailMessage(policy=SMTP)
    message["From"] = target.from_address
    message["To"] = ", ".join(target.to)
    message["Subject"] = " ".join(filter(None, [printable(target.subject_prefix), headline(notification)]))[
        :MAX_SUBJECT
    ]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{notification.id}@{DOMAIN}>"
    thread = uuid5(UUID(notification.receiver_id), notification.group_key)
    message["References"] = f"<{thread}@{DOMAIN}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(body_lines(notification, CHANGES_IN_A_MAIL)) + "\n")
    message.add_alternative("\n".join(_html_lines(notification)) + "\n", subtype="html")
    return message


def _html_lines(notification: Notification) -> Iterator[str]:
    yield '<!DOCTYPE html><html lang="en"><body style="font-family: sans-serif">'
    yield f"<h2>{escape(headline(notification))}</h2>"
    if not notification.changes:
        yield "<p>This receiver works: notifications reach it.</p></body></html>"
        return
    yield f"<p>Affected: {escape(affected(notification))}</p>"
    heads = "".join(f"<th>{head}</th>" for head in ("VIM", "Status", "Since", "Cause", "Project"))
    yield f'<table cellpadding="4"><tr align="left">{heads}</tr>'
    yield from map(_row, notification.changes[:CHANGES_IN_A_MAIL])
    yield "</table>"
    if (more := len(notification.changes) - CHANGES_IN_A_MAIL) > 0:
        yield f"<p>... and {more} more changes</p>"
    if steps := next_steps(notification):
        yield "<p>Look at next:</p><ul>"
        yield from (f"<li><code>{escape(step)}</code></li>" for step in steps)
        yield "</ul>"
    yield "</body></html>"


def _row(change: Change) -> str:
    since = format_time(change.since) if change.since and change.is_problem else format_time(change.time)
    cause = cause_of(change) if change.is_problem else ""
    cells = (deed(change), change.status.value, since, cause, printable(change.project_id))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
