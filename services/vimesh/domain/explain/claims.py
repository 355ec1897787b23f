"""Defines explanations: claims about a VIM that are true at one moment, and what would change its status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vimesh.domain.vims import Status

FactValue = str | int | bool | dt.datetime | dt.timedelta
Facts = Mapping[str, FactValue]


class ClaimKind(StrEnum):
    """What a claim is about. The contract describes the facts of each."""

    STATUS = "STATUS"
    REASON = "REASON"
    QUORUM = "QUORUM"
    VIEW = "VIEW"
    CONDITION = "CONDITION"
    CERTIFICATE = "CERTIFICATE"
    CAUSE = "CAUSE"
    MAINTENANCE = "MAINTENANCE"
    FLAPPING = "FLAPPING"
    LEASE = "LEASE"
    ACTION = "ACTION"
    MONITOR = "MONITOR"
    TASK = "TASK"
    POLICY = "POLICY"
    ROUNDS = "ROUNDS"
    STATUS_CHANGE = "STATUS_CHANGE"


class ForeseenKind(StrEnum):
    """What would change a status. The contract describes the facts of each."""

    ANSWER = "ANSWER"
    FAILURE = "FAILURE"
    SILENCE = "SILENCE"
    REPORT = "REPORT"
    AGREEMENT = "AGREEMENT"
    REPLACEMENT = "REPLACEMENT"
    MONITOR_START = "MONITOR_START"
    TASK_RETRY = "TASK_RETRY"
    ENGINE_CHANGE = "ENGINE_CHANGE"
    LOCAL_REMEDY = "LOCAL_REMEDY"


class Basis(StrEnum):
    """What a status follows from."""

    REPORT = "REPORT"
    """The last report of the wanted action, whose lease has not ended."""
    SILENCE = "SILENCE"
    """The lease of the last report has ended."""
    NOTHING = "NOTHING"
    """No action has reported yet, or none since the last change of what is probed."""
    VIEWS = "VIEWS"
    """What several vantages say."""


class FaultKind(StrEnum):
    """What a reason blames."""

    VIM = "VIM"
    """The VIM, or the way to it."""
    MONITOR = "MONITOR"
    """The monitor, or what is near it: the VIM is not accused."""
    SILENCE = "SILENCE"
    """Nobody reports."""
    DISAGREEMENT = "DISAGREEMENT"
    """Observers see different things, or too few can tell."""
    OTHER = "OTHER"
    """A word of a reporter that is not vimesh's."""


class LeasePhase(StrEnum):
    STARTING = "STARTING"
    """The action may take until then for its first report."""
    OVERDUE = "OVERDUE"
    """The action has not reported at all, and its time is over."""
    RUNNING = "RUNNING"
    """The status holds until then."""
    ENDED = "ENDED"
    """The action has been silent since."""


@dataclass(frozen=True, slots=True)
class VimClaim:
    """Something that is true of a VIM."""

    kind: ClaimKind
    facts: Facts
    sentence: str
    """The same for people, made of the facts."""


@dataclass(frozen=True, slots=True)
class PossibleChange:
    """What would change the status."""

    kind: ForeseenKind
    facts: Facts
    sentence: str
    status: Status | None = None
    """What it would read then; None: that depends on what is seen."""
    time: dt.datetime | None = None
    """When it comes by itself, by the database's clock; None: somebody or something has to do it."""
    command: str = ""
    """What to type for it, if there is something."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a VIM reads what it reads."""

    vim_id: str
    name: str
    status: Status
    reason: str
    revision: int
    as_of: dt.datetime
    """When all of it was true, by the database's clock."""
    headline: str
    claims: tuple[VimClaim, ...] = field(default=())
    """The most important ones first."""
    possible_changes: tuple[PossibleChange, ...] = field(default=())
