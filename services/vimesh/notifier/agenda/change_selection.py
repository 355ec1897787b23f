"""Decides which changes a receiver is told of. It depends on what it was told before, and on nothing else."""

from __future__ import annotations

from typing import Final

from vimesh.domain.events import EventKind
from vimesh.domain.notifications.notifications import ChangeKind
from vimesh.domain.notifications.receivers import PROBLEM_STATUSES, ReceiverSettings
from vimesh.domain.vims import Status
from vimesh.notifier.agenda.agenda_values import LogChange, VimTruth

DEREGISTERED: Final = "DEREGISTERED"
FILTERED_OUT: Final = "FILTERED_OUT"
"""Reasons of a problem that is over because the receiver is concerned no more."""

_LIFECYCLE: Final = {
    EventKind.REGISTERED: ChangeKind.REGISTERED,
    EventKind.MODIFIED: ChangeKind.MODIFIED,
    EventKind.DEREGISTERED: ChangeKind.DEREGISTERED,
}
ENDINGS: Final = frozenset({ChangeKind.RESOLVED, ChangeKind.DEREGISTERED})
"""After these, the receiver knows of no problem of the VIM."""


def kind_of(change: LogChange, rules: ReceiverSettings, told: Status | None) -> ChangeKind | None:
    """Return as what a receiver is told of a change, None if it is not.

    `told`: the problem of the VIM that it was told of, or will be before this; None if it believes that all is well.
    """
    lifecycle = _LIFECYCLE.get(change.kind) if rules.lifecycle_changes else None
    if change.kind is EventKind.DEREGISTERED or change.filtered_out:
        if told is not None:
            return ChangeKind.RESOLVED
        return None if change.filtered_out else lifecycle
    by_status = _kind_of_status(change.status, rules, told)
    if by_status is not None:
        return by_status
    if change.kind is EventKind.REASON_CHANGED and rules.reason_changes and told is change.status:
        return ChangeKind.REASON_CHANGED
    return lifecycle


def kind_of_truth(truth: VimTruth, rules: ReceiverSettings, told: Status | None) -> ChangeKind | None:
    """Return as what a receiver is told how a VIM is now, None if it knows that."""
    return _kind_of_status(truth.status, rules, told)


def status_after(kind: ChangeKind, status: Status, told: Status | None) -> Status | None:
    """Return the problem that the receiver knows of, once it is told of a change."""
    if kind in ENDINGS:
        return None
    return status if kind is ChangeKind.PROBLEM else told


def reason_of(change: LogChange, kind: ChangeKind) -> tuple[str, str]:
    """Return the reason and the detail that are told."""
    if kind is ChangeKind.RESOLVED and change.status in PROBLEM_STATUSES:
        if change.filtered_out:
            return FILTERED_OUT, "the filter of the receiver does not select the VIM any more"
        return DEREGISTERED, "the VIM was deregistered"
    return change.reason, change.detail


def _kind_of_status(status: Status, rules: ReceiverSettings, told: Status | None) -> ChangeKind | None:
    if status in rules.statuses:
        return None if status is told else ChangeKind.PROBLEM
    return ChangeKind.RESOLVED if status is Status.REACHABLE and told is not None else None
