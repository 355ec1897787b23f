"""Defines the members of the pool: monitors that hold a lease in the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from vimesh.domain.pool.assignment import Member
from vimesh.domain.views.vantages import DEFAULT_VANTAGE

MEMBER_LEASE_S: Final = 15.0
"""A monitor that was not heard of for so long leaves its VIMs to the others."""
RENEW_WITHIN_S: Final = 4.0
"""One renewal that runs into its time limit may be lost, or three that fail at once."""
LOST_WATCH_S: Final = 5.0
"""What is left of the lease of a monitor whose watch breaks: one that lives has opened another one by then."""
RETURN_S: Final = 8.0
"""After an outage of ours, monitors that live have opened a watch by then: the longest pause between attempts is 5 s.
So long nobody's VIMs are given away in a vantage, counted from when its first one is back."""
RELEASE_AFTER_S: Final = 3.0
"""For how long a monitor goes on with VIMs that it has lost. All conductors look who is there each second, so by then
the new owners probe."""
MAX_CAPACITY: Final = 1000
MAX_MONITORS: Final = 100
"""To find the owner of a VIM takes a hash for each of them."""


@dataclass(frozen=True, slots=True)
class PoolPlace:
    """What a monitor offers to the pool."""

    vantage: str = DEFAULT_VANTAGE
    """The name of the place from which it probes."""
    capacity: int = 1


@dataclass(frozen=True, slots=True)
class PoolView:
    """Who is in the pool, at one moment."""

    time: dt.datetime
    """By the database's clock."""
    members: Mapping[str, tuple[Member, ...]]
    """By vantage."""
    living: AbstractSet[str]
    """The vantages in which a monitor has more than LOST_WATCH_S left of its lease. All of those that lose contact
    together have less by the time the first lease ends: they have renewed them within RENEW_WITHIN_S of each other."""
    lapsed: AbstractSet[str]
    """The vantages in which the lease of one has ended."""
    identities: Mapping[str, str] = field(default_factory=dict)
    """Whose each monitor is."""
    conductors: int = 0
    """How many conductors have made themselves known of late."""


@dataclass(frozen=True, slots=True)
class PoolMonitor:
    """A monitor of the pool, for people. Times are by the database's clock."""

    monitor_id: str
    vantage: str
    capacity: int
    draining: bool
    identity: str
    join_time: dt.datetime
    lease_time: dt.datetime
    """When its lease ends, unless it is renewed."""
    host: str = ""
    """Empty if it has not made itself known as a process yet."""
    pid: int = 0
    version: str = ""
    actions: int = 0
    """How many ping actions it ran when it was last heard of."""
