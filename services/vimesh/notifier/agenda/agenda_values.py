"""Defines what an agenda is told of VIMs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from vimesh.domain.events import EventKind
from vimesh.domain.notifications.receivers import ReceiverSettings
from vimesh.domain.vims import Status


@dataclass(frozen=True, slots=True)
class VimFacts:
    """Who a VIM is, in a notification."""

    name: str
    type: str = ""
    project_id: str = ""
    auth_url: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""
    """What it has in common with others that were lost with it, such as `NETWORK 192.0.2.0/24`; empty if nothing is
    known. Only in what was looked up: it is found after the change."""


@dataclass(frozen=True, slots=True)
class VimTruth:
    """A VIM as it is at present."""

    vim_id: str
    facts: VimFacts
    status: Status
    reason: str
    detail: str
    since: dt.datetime
    revision: int
    """Revision of the newest change that is included."""
    in_maintenance: bool = False
    flapping: bool = False
    is_selected: bool = True
    """Whether the receiver's filter selects it."""


@dataclass(frozen=True, slots=True)
class LogChange:
    """A change of a VIM, from the log."""

    revision: int
    kind: EventKind
    vim_id: str
    time: dt.datetime
    status: Status
    previous_status: Status | None
    reason: str = ""
    detail: str = ""
    filtered_out: bool = False
    """Whether the receiver's filter does not select the VIM after it."""
    facts: VimFacts | None = None
    """The VIM after the change, if the change says so."""


def is_quiet_for(rules: ReceiverSettings, truth: VimTruth) -> bool:
    """Return whether a receiver is told nothing of a VIM at present."""
    return (truth.in_maintenance and not rules.notify_in_maintenance) or (truth.flapping and not rules.notify_flapping)
