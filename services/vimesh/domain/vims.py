"""VIMs, their status, and the fence: who may write a status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from vimesh.domain.probing import PolicyChange, ProbePolicy

TYPES = ("openstack", "kubernetes")
"""Values of `Vim.type`: Tacker's words."""


class Status(StrEnum):
    PENDING = "PENDING"
    """No report came yet."""
    REACHABLE = "REACHABLE"
    UNREACHABLE = "UNREACHABLE"
    UNKNOWN = "UNKNOWN"
    """Nobody can say at present: the ping action is blind, or silent for longer than its lease."""


class Engine(StrEnum):
    """Where a VIM's ping action runs."""

    EMBEDDED = "EMBEDDED"
    MISTRAL = "MISTRAL"
    EXTERNAL = "EXTERNAL"
    """Nowhere that vimesh starts it: somebody else runs the action, and reports."""


class MonitorState(StrEnum):
    STARTING = "STARTING"
    """The action is wanted, and has not reported yet."""
    RUNNING = "RUNNING"
    """The action reports."""
    WAITING = "WAITING"
    """The engine has not been told to start the action yet."""
    SILENT = "SILENT"
    """The action was not heard within its lease."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """The ping action of a VIM, as far as the conductors know it."""

    engine: Engine
    action_id: str
    state: MonitorState
    last_error: str
    contact_time: dt.datetime | None
    """When the action was last heard, by the database's clock."""


@dataclass(frozen=True, slots=True)
class Vim:
    """A VIM as it can be shown: secrets in `auth_cred` are masked."""

    id: str
    project_id: str
    name: str
    description: str
    type: str
    auth_url: str
    vim_project: Mapping[str, object]
    auth_cred: Mapping[str, object]
    is_default: bool
    placement_attr: Mapping[str, object]
    extra: Mapping[str, object]
    policy: ProbePolicy
    status: Status
    reason: str
    detail: str
    round_trip_s: float | None
    status_time: dt.datetime
    valid_until: dt.datetime | None
    """When the lease ends, by the database's clock; None before the first report."""
    monitor: Monitor
    revision: int
    """The change that left the VIM as it is here."""
    etag: str
    """Differs whenever something that people may modify differs."""
    create_time: dt.datetime
    update_time: dt.datetime
    """The last change made by people."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a user registers. Checked before it gets here."""

    name: str
    type: str
    auth_url: str
    project_id: str
    description: str = ""
    vim_project: Mapping[str, object] = field(default_factory=dict)
    auth_cred: Mapping[str, object] = field(default_factory=dict, repr=False)
    is_default: bool = False
    placement_attr: Mapping[str, object] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)
    policy: ProbePolicy = field(default_factory=ProbePolicy)
    engine: Engine = Engine.EMBEDDED
    request_id: str = ""
    """A repeat with the same id is answered with the VIM that the first one made."""
    vim_id: str = ""
    """The id that the VIM shall have; empty: a new one."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One registration of many that is stored."""

    vim_id: str
    repeated: bool
    """Whether an earlier request with the same request id stored it."""


@dataclass(frozen=True, slots=True)
class Modification:
    """What a user changes on a VIM; None leaves a field as it is."""

    name: str | None = None
    description: str | None = None
    type: str | None = None
    auth_url: str | None = None
    vim_project: Mapping[str, object] | None = None
    auth_cred: Mapping[str, object] | None = field(default=None, repr=False)
    is_default: bool | None = None
    placement_attr: Mapping[str, object] | None = None
    extra: Mapping[str, object] | None = None
    policy: ProbePolicy | PolicyChange | None = None
    """All of it, or what is to be changed of it as it is stored."""
    engine: Engine | None = None
    etag: str = ""
    """When given, the VIM must still have it."""


class Report(NamedTuple):
    """What a ping action says about its VIM."""

    vim_id: str
    action_id: str
    status: Status
    observation: int = 0
    """Grows with each verdict of one action; 0 when the action does not count."""
    reason: str = ""
    detail: str = ""
    round_trip_s: float | None = None
    age_s: float = 0.0
    """How long ago the action saw it, by its own clock."""


@dataclass(slots=True)
class Standing:
    """What the store holds against which a report is judged."""

    action_id: str
    status: Status
    reason: str
    observation: int
    """The newest observation on record; 0 when none was counted."""
    holds: bool = True
    """Whether the status is what the action said last. Else it fell silent since, or was never heard."""
    said: bytes = field(default=b"", init=False, compare=False)
    """A report that was answered with this, serialized, without its VIM and its age: whoever serves reports may set it,
    to recognize what is said again. Empty if it was not kept."""

    def says(self, report: Report) -> bool:
        """Say whether this very report is on record."""
        return (
            self.observation == report.observation
            and self.status is report.status
            and self.action_id == report.action_id
            and self.reason == report.reason
        )


Repeat = tuple[str, Standing, float]
"""A VIM, the standing that its action says again, and within how many seconds that is asked to be back."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The report is what the store says now."""

    status: Status


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The report says what the store says already: nothing to write."""

    status: Status


@dataclass(frozen=True, slots=True)
class Late:
    """A newer observation of the same action is on record; the report was not written."""

    status: Status
    observation: int


@dataclass(frozen=True, slots=True)
class BadAction:
    """The action is not the wanted one: it must stop probing and exit."""


Outcome = Recorded | Unchanged | Late | BadAction


# There are few different ones.
_BAD_ACTION = BadAction()
_RECORDED = {status: Recorded(status) for status in Status}
UNCHANGED = {status: Unchanged(status) for status in Status}


def judge(standing: Standing | None, report: Report) -> Outcome:
    """Say what a report means, given what the store holds (None: no such VIM).

    This is the fence. It must be asked with what a committed read returned, and a Recorded must be written in
    the transaction that read it (G1, G3, G4, G5).
    """
    if standing is None or standing.action_id != report.action_id:
        return _BAD_ACTION
    if report.observation and report.observation < standing.observation:
        return Late(standing.status, standing.observation)
    if not standing.holds:
        # The same again ends a silence.
        return _RECORDED[report.status]
    same = standing.status is report.status and standing.reason == report.reason
    if report.observation and report.observation == standing.observation:
        # A repeat. With other content it broke the rule that observations grow: tell it what is on record.
        return UNCHANGED[report.status] if same else Late(standing.status, standing.observation)
    if same and not report.observation:
        return UNCHANGED[report.status]
    return _RECORDED[report.status]
