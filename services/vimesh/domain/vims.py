"""Defines VIMs, their status, and the fence: which reports may write a status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from vimesh.domain.conditions.conditions import Certificate, TimedCondition
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.probing import PolicyChange, ProbePolicy

TYPES = ("openstack", "kubernetes")
"""Values of `Vim.type`: Tacker's words."""


class Status(StrEnum):
    PENDING = "PENDING"
    """No report came yet."""
    REACHABLE = "REACHABLE"
    UNREACHABLE = "UNREACHABLE"
    UNKNOWN = "UNKNOWN"
    """Unknown at present: the ping action cannot probe, or has been silent for longer than its lease."""


class Engine(StrEnum):
    """Where a VIM's ping action runs."""

    EMBEDDED = "EMBEDDED"
    MISTRAL = "MISTRAL"
    EXTERNAL = "EXTERNAL"
    """Outside vimesh: a third party runs the action, and reports."""


class MonitorState(StrEnum):
    STARTING = "STARTING"
    """The action is wanted, and has not reported yet."""
    RUNNING = "RUNNING"
    """The action reports."""
    WAITING = "WAITING"
    """The engine has not been asked to start the action yet."""
    SILENT = "SILENT"
    """The action did not make contact within its lease."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """The ping action of a VIM, as far as the conductors know it."""

    engine: Engine
    action_id: str
    state: MonitorState
    last_error: str
    contact_time: dt.datetime | None
    """The action's last contact, by the database's clock."""


@dataclass(frozen=True, slots=True)
class VimMaintenance:
    """The maintenance that a VIM is in: of several windows, the one that ends last."""

    window_id: str
    reason: str
    end_time: dt.datetime
    """When the window ends, by the database's clock."""


class CauseKind(StrEnum):
    MONITOR = "MONITOR"
    """A monitor, or what is near it: all its VIMs are affected, and those of others are not."""
    VANTAGE = "VANTAGE"
    """The place from which is probed."""
    NETWORK = "NETWORK"
    """A prefix of addresses, or for VIMs that are given by name, a domain."""
    RESOLVER = "RESOLVER"
    """The name servers of a zone."""
    CERTIFICATE = "CERTIFICATE"
    """The certificates of a domain."""
    LABEL = "LABEL"
    """What a label of the VIMs names, such as a proxy or a rack."""


@dataclass(frozen=True, slots=True)
class VimCause:
    """What a VIM that is lost has in common with others that were lost with it."""

    cause_id: str
    kind: CauseKind
    subject: str


@dataclass(frozen=True, slots=True)
class AppliedFields:
    """What an apply set manages of a VIM: the fields that it was the last to set, such as `labels.region`."""

    apply_set: str
    """The name of the set, which is not empty."""
    fields: AbstractSet[str]
    """The managed ones, by their paths in the contract."""
    overridden: AbstractSet[str] = frozenset()
    """Those that the set managed until others changed them."""

    def overridden_by(self, changed: Collection[str]) -> AppliedFields:
        """Return what the set still manages after others have changed fields."""
        lost = self.fields & frozenset(changed)
        return AppliedFields(self.apply_set, self.fields - lost, self.overridden | lost) if lost else self


@dataclass(frozen=True, slots=True)
class View:
    """What one vantage says of a VIM that several look at."""

    vantage: str
    status: Status
    reason: str
    detail: str
    status_time: dt.datetime
    """Since when it has this status, by the database's clock."""
    valid_until: dt.datetime | None
    """When its lease ends; None before the first report of its action."""
    action_id: str
    """The action that is wanted from there."""


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
    """Revision of the newest change that this state of the VIM includes."""
    etag: str
    """Changes whenever something that people may modify changes."""
    create_time: dt.datetime
    update_time: dt.datetime
    """The last change made by people."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """See `domain.labels`."""
    maintenance: VimMaintenance | None = None
    """None, too, in the documents of events: whether it holds depends on the time."""
    flapping: bool = False
    """Whether it was lost and found too often of late: see `domain.history.flapping`. Only in what is read, never in
    changes."""
    applied: AppliedFields | None = None
    """What an apply set manages of it; None if it belongs to none."""
    views: tuple[View, ...] = ()
    """What each vantage says, if there are several. Only in what is read, never in changes."""
    cause: VimCause | None = None
    """Only in what is read, never in changes."""
    conditions: tuple[TimedCondition, ...] = ()
    """What is true of it besides its status, as it reads now: see `domain.vim_conditions`. Only in what is read."""
    certificate: Certificate | None = None
    """What it showed last. Only in what is read."""


BULKY_FIELDS: Final = ("description", "vim_project", "auth_cred", "placement_attr", "extra")
"""The fields of a VIM that can be large: an event contains them only if it is about them."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a user registers. Validated before it gets here."""

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
    """A repeat with the same id is answered with the VIM that the first request created."""
    vim_id: str = ""
    """The id for the VIM; empty: generate one."""
    labels: Mapping[str, str] = field(default_factory=dict)
    applied: AppliedFields | None = None
    """What an apply set manages of it; None if it belongs to none."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration in a batch that has been stored."""

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
    """A whole policy, or changes to the stored one."""
    engine: Engine | None = None
    etag: str = ""
    """If given, the VIM must still have it."""
    labels: Mapping[str, str] | LabelChange | None = None
    """All labels, or changes to some of those that are stored."""
    applied: AppliedFields | None = None
    """What an apply set manages from now on, if the set makes the change. Of changes by others, it loses the fields."""


class Report(NamedTuple):
    """What a ping action reports about its VIM."""

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
    reporter: str = ""
    """The identity that reported it, if it was proved."""


@dataclass(slots=True)
class Standing:
    """What the store has on record, against which a report is judged."""

    action_id: str
    status: Status
    reason: str
    observation: int
    """The newest observation on record; 0 when none was counted."""
    holds: bool = True
    """Whether the status is the action's last report. If not, the action fell silent since, or never reported."""
    engine: str = field(default=Engine.EMBEDDED, kw_only=True, compare=False)
    """Where the action runs. An action never changes its engine."""
    project_id: str = field(default="", kw_only=True, compare=False)
    """The project of the VIM, which never changes."""
    serialized_report: bytes = field(default=b"", init=False, compare=False)
    """A report that was answered with this standing, serialized without its VIM and age. The server of reports may set
    it, to recognize repeats. Empty if it was not kept."""

    def matches(self, report: Report) -> bool:
        """Return whether exactly this report is on record."""
        return (
            self.observation == report.observation
            and self.status is report.status
            and self.action_id == report.action_id
            and self.reason == report.reason
        )


Repeat = tuple[str, Standing, float]
"""A VIM id, the standing that its action repeats, and within how many seconds its next contact is requested."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The report is what the store holds now."""

    status: Status


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The store already holds what the report states: nothing to write."""

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


# Only a handful of distinct values: share them.
_BAD_ACTION = BadAction()
_RECORDED = {status: Recorded(status) for status in Status}
UNCHANGED = {status: Unchanged(status) for status in Status}


def judge(standing: Standing | None, report: Report) -> Outcome:
    """Judge a report against what the store holds (None: no such VIM).

    This is the fence. It must be called with the result of a committed read, and a Recorded must be written in the
    transaction that read it (G1, G3, G4, G5).
    """
    if standing is None or standing.action_id != report.action_id:
        return _BAD_ACTION
    if report.observation and report.observation < standing.observation:
        return Late(standing.status, standing.observation)
    if not standing.holds:
        # Even a repeat of the same status ends a silence.
        return _RECORDED[report.status]
    same = standing.status is report.status and standing.reason == report.reason
    if report.observation and report.observation == standing.observation:
        # A repeat. With other content, it breaks the rule that observations grow: return what is on record.
        return UNCHANGED[report.status] if same else Late(standing.status, standing.observation)
    if same and not report.observation:
        return UNCHANGED[report.status]
    return _RECORDED[report.status]
