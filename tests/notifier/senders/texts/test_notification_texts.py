"""Notifications say what changed, since when, why, what is affected, and what to look at next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.notifier.told_changes import change, notification, vim_id
from vimesh.domain.notifications.notifications import ChangeKind, NotificationKind
from vimesh.domain.vims import Status
from vimesh.notifier.senders.texts.notification_texts import (
    MAX_DETAIL,
    affected,
    body_lines,
    deed,
    headline,
    line,
    next_steps,
)


def test_one_problem() -> None:
    told = notification(change())

    assert list(body_lines(told, 10)) == [
        "vim-1 is UNREACHABLE",
        "Affected: 1 VIM: vim-1",
        "",
        (
            "2026-03-01T12:00:00Z  vim-1 is UNREACHABLE since 2026-03-01T12:00:00Z: TIMEOUT (no answer within 5 s) "
            "(openstack, project tenant)"
        ),
        "",
        "Look at next:",
        f"  vimesh vim show {vim_id(1)}",
        f"  vimesh vim events {vim_id(1)}",
        "  docs/runbooks/vim-unreachable.md",
    ]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ChangeKind.PROBLEM, "vim-1 is UNREACHABLE"),
        (ChangeKind.REASON_CHANGED, "vim-1 is UNREACHABLE for another reason"),
        (ChangeKind.REMINDER, "vim-1 is still UNREACHABLE"),
        (ChangeKind.RESOLVED, "vim-1 is REACHABLE again"),
        (ChangeKind.REGISTERED, "vim-1 was registered"),
        (ChangeKind.MODIFIED, "vim-1 was modified"),
        (ChangeKind.DEREGISTERED, "vim-1 was deregistered"),
    ],
)
def test_each_kind_has_its_words(kind: ChangeKind, text: str) -> None:
    assert deed(change(kind=kind)) == text


@pytest.mark.parametrize(
    ("reason", "text"),
    [("DEREGISTERED", "vim-1 was deregistered"), ("FILTERED_OUT", "vim-1 is no longer selected by the filter")],
)
def test_a_problem_that_ends_without_an_answer_is_not_called_reachable(reason: str, text: str) -> None:
    assert deed(replace(change(kind=ChangeKind.RESOLVED), reason=reason)) == text


def test_many_at_once_have_counts_and_the_first_names() -> None:
    told = notification(*(change(number) for number in range(1, 5001)))

    assert headline(told) == "5000 VIMs changed: 5000 with a problem (reason TIMEOUT)"
    assert affected(told) == (
        "5000 VIMs: vim-1, vim-2, vim-3, vim-4, vim-5, vim-6, vim-7, vim-8, vim-9, vim-10 and 4990 more"
    )
    assert next_steps(told)[0] == "vimesh vim list --filter 'status = UNREACHABLE' --order-by status_time --long"
    lines = list(body_lines(told, 3))
    assert "... and 4997 more changes" in lines


def test_a_vim_that_changed_twice_is_one_vim() -> None:
    told = notification(change(1), change(1, ChangeKind.RESOLVED))

    assert headline(told) == "vim-1 is REACHABLE again"
    assert affected(told) == "1 VIM: vim-1"
    assert next_steps(told) == []


def test_a_reminder_and_a_test_are_called_so() -> None:
    reminders = [change(number, ChangeKind.REMINDER) for number in (1, 2)]

    assert headline(notification(*reminders, kind=NotificationKind.REMINDER)) == (
        "2 VIMs still have a problem (reason TIMEOUT)"
    )
    assert list(body_lines(notification(kind=NotificationKind.TEST), 3)) == [
        "Test of the receiver on-call",
        "This receiver works: notifications reach it.",
    ]


def test_an_unwatched_vim_leads_to_the_page_about_that() -> None:
    assert "docs/runbooks/vim-unwatched.md" in next_steps(notification(replace(change(), status=Status.UNKNOWN)))


def test_names_and_details_stay_on_their_line() -> None:
    text = line(replace(change(), vim_name="a\r\nb\x1b[31m", detail="x\n" * 1000, project_id="p\u2028q"))

    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert len(text) < MAX_DETAIL + 200
