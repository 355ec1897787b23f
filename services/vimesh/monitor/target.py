"""One VIM under probe."""

from __future__ import annotations

import math
import sys
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from vimesh.domain.actions import Action, shard_key
from vimesh.domain.endpoints import Endpoint, endpoint_of
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.monitor.addresses import Address, fixed_host
from vimesh.monitor.verdict import Track
from vimesh.monitor.wheel import Timed

if TYPE_CHECKING:  # a cohort is made of targets
    from vimesh.monitor.cohorts import Cohort

MAX_SPACING_S = 0.25
OVERDUE_MARGIN_S = 10.0
"""Rounds in which the resolver has to be waited for are longer than their probes."""


class Stage(IntEnum):
    """What a target waits for; its time on the wheel is when that is over."""

    IDLE = 0
    """The next round."""
    AWAITING = 1
    """An answer."""
    SPACING = 2
    """The next probe of the round."""
    NAMING = 3
    """The address of its host name."""
    QUEUED = 4
    """Its turn to have a socket."""
    STEADY = 5
    """The next volley of its cohort, which is on the wheel in its stead."""


class Target(Timed):
    """What the host keeps of a ping action. There may be 100,000: no dict, no task, no timer handle."""

    __slots__ = (
        "action_id",
        "address",
        "cohort",
        "ended_at",
        "endpoint",
        "first_sent",
        "last_sent",
        "number",
        "place",
        "policy",
        "preferred",
        "round_at",
        "round_trip_s",
        "serial",
        "stage",
        "track",
        "vim_id",
    )

    def __init__(self, action: Action) -> None:
        """Raises AuthUrlInvalid."""
        super().__init__()
        self.vim_id = action.vim_id
        self.action_id = action.action_id
        self.policy = _shared(action.policy)
        self.endpoint = _of_shared_words(endpoint_of(action.auth_url))
        self.address = self._fixed_address()
        """None when the host is a name: then the resolver knows."""
        self.track = Track(fall=action.policy.fall, rise=action.policy.rise)
        """Not there while the target is steady."""
        self.stage = Stage.IDLE
        self.cohort: Cohort | None = None
        self.place = 0
        """Among the members of the cohort."""
        self.serial = 0
        """The open round; no two rounds of a process have the same."""
        self.number = 0
        """The newest probe of the round."""
        self.preferred = 0
        """Which of the host's addresses is tried first."""
        self.round_at = 0.0
        self.ended_at = 0.0
        """When the newest round that came to an end did so."""
        self.first_sent = 0.0
        self.last_sent = 0.0
        self.round_trip_s = 0.0
        """Of the newest answer."""

    def settle_down(self) -> None:
        """Drop what is only of use to a target by itself: there may be 100,000 that are steady.

        To be called when the track is steady: a new one then says the same.
        """
        self.stage = Stage.STEADY
        del self.track
        self.serial = 0
        self.first_sent = self.last_sent = self.ended_at = self.round_at = 0.0

    def rise_up(self, *, round_at: float, ended_at: float) -> None:
        """Be by itself again: its newest round was due at about `round_at`, the one before ended at `ended_at`."""
        self.stage = Stage.IDLE
        self.track = Track.of_reachable(fall=self.policy.fall, rise=self.policy.rise)
        self.ended_at = ended_at
        self.begin_phase(round_at)

    def begin_phase(self, at: float) -> None:
        """Let its rounds be due in its own phase; the last before `at` has been."""
        interval_s = self.policy.interval_s
        self.round_at = next_round_at(self.phase_s - interval_s, interval_s, at)

    @property
    def pings(self) -> bool:
        return self.policy.method is Method.PING

    @property
    def phase_s(self) -> float:
        """Where in the interval its rounds begin: spread by a hash, and with them the load, and a common outage."""
        return shard_key(self.vim_id) / 2**32 * self.policy.interval_s

    @property
    def port(self) -> int:
        """The port for probes; ICMP has none."""
        return 0 if self.pings else self.endpoint.port

    def _fixed_address(self) -> Address | None:
        host = fixed_host(self.endpoint)
        return None if host is None else host.address(self.port)

    @property
    def spacing_s(self) -> float:
        """The shortest time between two probes of the same round."""
        return min(self.policy.timeout_s / 4, MAX_SPACING_S)

    @property
    def patience_s(self) -> float:
        """How long silence lasts before another probe of the same round is sent: a VIM may be slow by nature."""
        return max(self.spacing_s, min(2 * self.round_trip_s, self.policy.timeout_s))

    def judged_at(self) -> float:
        """When silence after the newest probe is over."""
        if self.track.has_more:
            return self.last_sent + self.patience_s
        if self.track.hedged:
            whole = self.first_sent + self.policy.timeout_s + self.spacing_s
            return max(whole, self.last_sent + self.patience_s)
        return self.last_sent + self.policy.timeout_s

    def overdue_at(self, stretch: float = 1.0) -> float:
        """When the next round must have ended, whatever became of it; `stretch`: of the intervals."""
        policy = self.policy
        probes_s = (policy.fall + policy.rise) * policy.timeout_s
        return self.ended_at + 2 * policy.interval_s * stretch + probes_s + OVERDUE_MARGIN_S


@lru_cache(maxsize=1024)
def _shared(policy: ProbePolicy) -> ProbePolicy:
    """Return the one object for all policies that say the same."""
    return policy


@lru_cache(maxsize=1024)
def _shared_port(port: int) -> int:
    return port


def _of_shared_words(endpoint: Endpoint) -> Endpoint:
    return Endpoint(sys.intern(endpoint.scheme), endpoint.host, _shared_port(endpoint.port), sys.intern(endpoint.path))


def next_round_at(round_at: float, interval_s: float, now: float) -> float:
    """When the round after the one of `round_at` is due, in the same phase. Rounds that were missed are left out."""
    missed = math.floor((now - round_at) / interval_s) - 1
    return round_at + interval_s * (1 + max(0, missed))
