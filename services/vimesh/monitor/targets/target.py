"""Holds the state of one VIM that is probed."""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable, Iterator
from enum import IntEnum
from functools import lru_cache

from vimesh.domain.actions import Action, shard_key
from vimesh.domain.conditions.services import Service
from vimesh.domain.endpoints import Endpoint, endpoint_of
from vimesh.domain.probing import AuthUrlPart, Depth, Method, ProbePolicy
from vimesh.domain.vims import Status
from vimesh.monitor.net.ip_addresses import ProbeAddress, fixed_host
from vimesh.monitor.scheduling.timing_wheel import Timed
from vimesh.monitor.targets.address_route import AddressRoute
from vimesh.monitor.targets.verdict import ReachabilityTrack

MAX_SPACING_S = 0.25
MIN_SPACING_S = 0.02
"""Shortest time between the probes of a VIM with many addresses."""
OVERDUE_MARGIN_S = 10.0
"""Allowance for rounds that also wait for the resolver."""


_PING = Method.PING


class Stage(IntEnum):
    """What a target waits for; its time on the wheel is when that wait ends."""

    IDLE = 0
    """The next round."""
    AWAITING = 1
    """An answer."""
    SPACING = 2
    """The next probe of the round."""
    NAMING = 3
    """The address of its host name."""
    QUEUED = 4
    """Its turn to get a socket."""
    STEADY = 5
    """The next volley of its cohort, which is on the wheel in its place."""
    RENAMING = 6
    """The addresses of its host name, looked up again before bad news is accepted."""
    HELD = 7
    """The answers of the references, before bad news is accepted."""


ActionKey = tuple[str, str]
"""(vim_id, action_id)"""


class ProbeGroup(Timed):
    """Targets that share their rounds: the group is on the wheel in their place."""

    __slots__ = ("ended_at",)

    def __init__(self) -> None:
        super().__init__()
        self.ended_at = 0.0
        """When its newest round ended."""


class Target(Timed):
    """What to probe, and for which ping actions. There may be 100,000: no `__dict__`, task or timer handle for each."""

    __slots__ = (
        "address",
        "cohort",
        "ended_at",
        "endpoint",
        "first_sent",
        "last_sent",
        "number",
        "owner",
        "place",
        "policy",
        "round_at",
        "round_trip_s",
        "route",
        "serial",
        "service",
        "sharers",
        "stage",
        "track",
    )

    def __init__(self, action: Action) -> None:
        """Raises AuthUrlInvalid."""
        super().__init__()
        self.owner: ActionKey = (action.vim_id, action.action_id)
        """The action that the target was made for, or the next one when that has ended."""
        self.sharers: dict[ActionKey, None] | None = None
        """Other actions that want the same probes."""
        self.policy = _shared(action.policy)
        endpoint = endpoint_of(action.auth_url)
        self.service = _service_of(action)
        """What its answers are judged as, besides their status; None: by their status alone."""
        self.endpoint = _of_shared_words(endpoint if self.service is None else self.service.endpoint(endpoint))
        self.address = self.fixed_address()
        """None if the host is a name: the route then has the addresses."""
        self.route = AddressRoute() if self.address is None else None
        self.track = self._new_track()
        """Absent while the target is steady."""
        self.stage = Stage.IDLE
        self.cohort: ProbeGroup | None = None
        self.place = 0
        """Index among the members of the cohort."""
        self.serial = 0
        """Number of the open round, unique in the process."""
        self.number = 0
        """Number of the newest probe in the round."""
        self.round_at = 0.0
        self.ended_at = 0.0
        """When the newest finished round ended."""
        self.first_sent = 0.0
        self.last_sent = 0.0
        self.round_trip_s = 0.0
        """Round trip of the newest answer."""

    def settle_down(self) -> None:
        """Drop the state that only single rounds need: there may be 100,000 steady targets.

        Call this only when the track is steady: `rise_up` can then rebuild it.
        """
        self.stage = Stage.STEADY
        del self.track
        self.serial = 0
        self.first_sent = self.last_sent = self.ended_at = self.round_at = 0.0

    def rise_up(self, *, round_at: float, ended_at: float) -> None:
        """Return to single rounds: the newest was due at about `round_at`, the one before ended at `ended_at`."""
        self.stage = Stage.IDLE
        self.track = self._new_track()
        self.track.status = Status.REACHABLE
        self.ended_at = ended_at
        self.begin_phase(round_at)

    def forget_verdict(self) -> None:
        """Start again without a verdict."""
        self.track = self._new_track()

    def begin_phase(self, at: float) -> None:
        """Put its rounds into its own phase; the last one before `at` counts as done."""
        interval_s = self.policy.interval_s
        self.round_at = next_round_at(self.phase_s - interval_s, interval_s, at)

    @property
    def vim_id(self) -> str:
        return self.owner[0]

    def actions(self) -> Iterator[ActionKey]:
        """Yield each action that gets the verdicts."""
        yield self.owner
        if self.sharers is not None:
            yield from self.sharers

    def add(self, action: ActionKey) -> None:
        """Add an action that gets the verdicts."""
        self.sharers = self.sharers or {}
        self.sharers[action] = None

    def remove(self, action: ActionKey) -> bool:
        """Remove an action; True if it was the last one, which then stays as the owner."""
        if not self.sharers:
            return True
        if action == self.owner:
            self.owner = action = next(iter(self.sharers))
        del self.sharers[action]
        return False

    @property
    def identity(self) -> Hashable:
        """Equal for targets of the same host that send the same probes and judge them alike."""
        match self.policy.method.depends_on:
            case AuthUrlPart.HOST:
                return self.policy
            case AuthUrlPart.PORT:
                return self.policy, self.endpoint.port
            case AuthUrlPart.URL:
                return self.policy, self.endpoint, self.service

    @property
    def pings(self) -> bool:
        return self.policy.method is _PING

    @property
    def phase_s(self) -> float:
        """Offset of its rounds in the interval, from a hash: spreads the load and the discovery of a common outage."""
        return shard_key(self.vim_id) / 2**32 * self.policy.interval_s

    @property
    def port(self) -> int:
        """The port for probes; 0 for methods that have none."""
        return 0 if self.policy.method.depends_on is AuthUrlPart.HOST else self.endpoint.port

    def fixed_address(self) -> ProbeAddress | None:
        """Return the address of a host given by IP address, else None. Its zone may be another interface by now."""
        host = fixed_host(self.endpoint)
        return None if host is None else host.address(self.port)

    @property
    def spacing_s(self) -> float:
        """The shortest time between two probes of the same round to the same address."""
        return min(self.policy.timeout_s / 4, MAX_SPACING_S)

    @property
    def stagger_s(self) -> float:
        """The shortest time between two probes of the same round."""
        return max(min(MIN_SPACING_S, self.spacing_s), self.spacing_s / self.track.addresses)

    @property
    def patience_s(self) -> float:
        """How long to wait for an answer before the round's next probe: longer for a VIM with a long round trip."""
        timeout_s = self.policy.timeout_s
        spacing_s = min(timeout_s / 4, MAX_SPACING_S)
        expected_s = 2 * self.round_trip_s
        # As max() and min() would have it, which cost more: this runs for each probe.
        return spacing_s if expected_s <= spacing_s else min(expected_s, timeout_s)

    def judged_at(self, added_s: float = 0.0) -> float:
        """Return when silence after the newest probe is judged. `added_s`: to the time that an answer may take."""
        track, timeout_s = self.track, self.policy.timeout_s + added_s
        if track.has_more:
            single = track.addresses == 1 or track.sent == 1
            return self.last_sent + (self.patience_s if single else self.stagger_s)
        if not track.hedged or track.addresses > 1 or not self.round_trip_s:
            return self.last_sent + timeout_s
        return max(self.first_sent + timeout_s + self.spacing_s, self.last_sent + self.patience_s)

    def overdue_at(self, stretch: float = 1.0) -> float:
        """Return when the next round must have ended, whatever its outcome. `stretch`: factor on the intervals."""
        policy = self.policy
        addresses = 1 if self.route is None else max(1, len(self.route))
        probes_s = (policy.fall + policy.rise) * policy.timeout_s * addresses
        return self.ended_at + 2 * policy.interval_s * stretch + probes_s + OVERDUE_MARGIN_S

    def _new_track(self) -> ReachabilityTrack:
        policy = self.policy
        return ReachabilityTrack(fall=policy.fall, rise=policy.rise, fail_for_s=policy.fail_for_s)


@lru_cache(maxsize=1024)
def _shared(policy: ProbePolicy) -> ProbePolicy:
    """Return one object for all equal policies."""
    return policy


@lru_cache(maxsize=1024)
def _shared_port(port: int) -> int:
    return port


def _service_of(action: Action) -> Service | None:
    judged = action.policy.method is Method.HTTP and action.policy.reaches(Depth.SERVICE)
    return Service.of(action.vim_type) if judged else None


def _of_shared_words(endpoint: Endpoint) -> Endpoint:
    return Endpoint(sys.intern(endpoint.scheme), endpoint.host, _shared_port(endpoint.port), sys.intern(endpoint.path))


def next_round_at(round_at: float, interval_s: float, now: float) -> float:
    """Return when the round after the one at `round_at` is due, in the same phase. Missed rounds are skipped."""
    missed = math.floor((now - round_at) / interval_s) - 1
    return round_at + interval_s * (1 + max(0, missed))
