"""Defines causes as they are kept and shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from vimesh.domain.causes.traits import CauseMember, Trait
from vimesh.domain.vims import CauseKind

MAX_LASTING: Final = 200
"""While so many causes last, no further ones are looked for."""
MAX_ENDED: Final = 1000
KEPT_S: Final = 30 * 86400.0
"""How long causes that have ended are kept, the newest MAX_ENDED of them."""
MAX_SHOWN_VIMS: Final = 100
END_SHARE: Final = 0.2
"""A cause ends when at most this share of its VIMs is still affected."""


@dataclass(frozen=True, slots=True)
class CommonCause:
    """What VIMs whose status changed together have in common. Times are by the database's clock.

    Counts include only VIMs that the caller may see.
    """

    id: str
    kind: CauseKind
    subject: str
    """What failed: see `Trait.subject`."""
    project_id: str
    """Of a label its project, to which all its VIMs belong; otherwise empty."""
    reason: str
    """The reason that most of its VIMs had at first."""
    start_time: dt.datetime
    """When the first of its VIMs changed."""
    end_time: dt.datetime | None
    """None while it lasts."""
    vim_count: int
    """The VIMs that it was found to affect, with those that are back."""
    affected_count: int
    """Those of them that have been UNREACHABLE or UNKNOWN ever since."""
    population: int
    """All VIMs that had this in common when it was found; 0 for callers that do not see all projects."""


class AffectedVim(NamedTuple):
    """A VIM of a cause that lasts."""

    vim_id: str
    name: str


@dataclass(frozen=True, slots=True)
class NewCause:
    id: str
    trait: Trait
    reason: str
    age_s: float
    """How long ago the first of its VIMs changed."""
    population: int


class LastingCause(NamedTuple):
    """A cause that lasts, for those who keep it up."""

    id: str
    trait: Trait
    vim_count: int
    affected_count: int
    back_count: int
    """VIMs that are back, but have not left yet."""


@dataclass(frozen=True, slots=True)
class CauseLook:
    """What there is to do, at a look that costs little."""

    recent_count: int
    """VIMs whose status has become UNREACHABLE or UNKNOWN within the window."""
    newest_time: int
    """When the last one of them did, in microseconds; 0 if there is none."""
    lasting_count: int
    """Causes that last."""
    holder: str
    """Who has the turn to look closer; empty: nobody."""


@dataclass(frozen=True, slots=True)
class CausePage:
    causes: Sequence[CommonCause]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class CauseDetail:
    cause: CommonCause
    vims: Sequence[AffectedVim]
    """Up to MAX_SHOWN_VIMS of those that are still affected, by name."""


class MemberPage(NamedTuple):
    members: Sequence[CauseMember]
    last_number: int
    """Where the next page begins; 0: there is none."""
