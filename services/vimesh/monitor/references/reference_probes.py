"""Probes the references, with sockets of their own: those of the VIMs may all be waiting for answers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence

import structlog

from vimesh.domain.errors import BadSetting
from vimesh.domain.probing import Method, Reason
from vimesh.monitor.names.name_answers import LookupFailed, NoSuchName, Outcome
from vimesh.monitor.names.resolver import Resolver
from vimesh.monitor.net.ip_addresses import IpHost, ProbeAddress, fixed_host
from vimesh.monitor.probes.base.prober import LocalFault, Prober
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.references.reference_addresses import REFERENCE_LIMIT_S, REFERENCES, ReferenceAddress
from vimesh.monitor.references.uplink import INTERVAL_S, Uplink
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

_log = structlog.get_logger()

PROBES_AT_ONCE = 7
"""Per reference. Questions are at least SPACING_S apart: whatever has not been answered when its turn comes again is
older than the longest wait for an answer."""
_ANSWERED_WITHIN_S = INTERVAL_S + 2 * REFERENCE_LIMIT_S
"""A reference that has not answered for this long is down."""
_REPEATED_AFTER_S = 0.95
"""Linux repeats the first packet of a connection after one second. Such an answer proves nothing about the time at
which the first one left, even if this process has stood still meanwhile."""
_HOLDS_UNTIL_LEFT_OUT = 2
FIRST_PAUSE_S = 600.0
"""How long a reference is left out that has held the loop; the pauses double, since each return may hold it again."""
LONGEST_PAUSE_S = 6 * 3600.0
_MEMORY_S = 24 * 3600.0
"""Older holds no longer count."""


class Reference:
    """One reference, and what its newest probes came to. Any thread may read that."""

    def __init__(self, address: ReferenceAddress) -> None:
        """Raises AuthUrlInvalid."""
        self.address = address
        self.probes = tuple(Target(address.action()) for _ in range(PROBES_AT_ONCE))
        self.is_up: bool | None = None
        """None until it has answered, or has had the time to."""
        self.answered_at: float | None = None
        self.why = ""
        """Why the newest probe of which that is known has failed."""
        self.holds = 0
        """How often its answers have held the loop."""
        self.held_at = 0.0
        """When they did so last."""
        self.pause_s = FIRST_PAUSE_S
        """How long it is left out when that happens again."""
        self.left_out_until: float | None = None
        """When it is asked again; None: it is asked."""
        self.preferred: IpHost | None = None
        """The address of its name that has answered last."""

    @property
    def host(self) -> str:
        return self.probes[0].endpoint.host


class ReferenceProbes:
    """Asks all references when the uplink wants that, and gives it their answers."""

    def __init__(
        self,
        addresses: Sequence[ReferenceAddress],
        *,
        uplink: Uplink,
        clock: Clock,
        resolver: Resolver,
        gate: TargetGate,
    ) -> None:
        """Raises BadSetting if the rules forbid to probe one that is given by address."""
        self.references = tuple(map(Reference, addresses))
        self.uplink = uplink
        self._clock = clock
        self._resolver = resolver
        self._probers: Mapping[Method, Prober] = {}
        self._by_probe = {probe: one for one in self.references for probe in one.probes}
        self._serials = itertools.count(1)
        self._questions = itertools.count()
        self._began_at = clock()
        self._was_failing = False
        self._failing_since = 0.0
        uplink.notify(self._log_change)
        for one in self.references:
            _check(one, gate)

    def use(self, probers: Mapping[Method, Prober]) -> None:
        """Set the probers, once. They come afterwards, because they tell this object what becomes of their probes."""
        self._probers = probers

    @property
    def due_at(self) -> float:
        """When to call `advance`."""
        return self.uplink.due_at

    def advance(self, now: float) -> None:
        """Do what is due."""
        if self.uplink.advance(now):
            number = next(self._questions)
            for one in self.references:
                self._ask(one, number, now)
        for one in self.references:
            self._judge(one, now)

    def summary(self) -> str:
        """Return how many of them are up, for people: `1/2`. Any thread may ask."""
        return f"{sum(one.is_up is True for one in self.references)}/{len(self.references)}"

    def note_hold(self, target: Target, held_s: float) -> None:
        """Note that work on the answer of a reference has blocked the loop.

        When that happens again, it is left out for a while; once it is back, the first time suffices.
        """
        one, now = self._by_probe[target], self._clock()
        if one.left_out_until is not None:
            return  # an answer to what it was asked before
        if now - one.held_at >= _MEMORY_S:
            one.holds, one.pause_s = 0, FIRST_PAUSE_S
        one.holds += 1
        one.held_at = now
        if one.holds >= _HOLDS_UNTIL_LEFT_OUT:
            pause_s, one.pause_s = one.pause_s, min(2 * one.pause_s, LONGEST_PAUSE_S)
            one.left_out_until = now + pause_s
            one.why = (
                f"its answers blocked the monitor {one.holds} times, last for {held_s:.1f} s: "
                f"it is not asked for {pause_s / 60:.0f} minutes"
            )
            _log.error("a reference is left out", reference=one.address.text, why=one.why)

    # Called by the probers.

    def record_answer(self, target: Target, number: int, round_trip_s: float) -> None:  # noqa: ARG002 - a listener's
        if round_trip_s > REFERENCE_LIMIT_S or time.monotonic() - target.round_at > _REPEATED_AFTER_S:
            return
        one = self._by_probe[target]
        one.answered_at = target.first_sent
        one.preferred = _host_of(target)
        now = self._clock()
        self._judge(one, now)
        self.uplink.note_answer(target.first_sent, round_trip_s, now)

    def record_failure(self, target: Target, number: int, reason: str, detail: str) -> None:  # noqa: ARG002 - as above
        self._note_failure(self._by_probe[target], reason, detail)

    def record_departure(self, target: Target) -> int:
        return target.number

    def record_fault(self, target: Target, reason: str, detail: str) -> None:
        self._note_failure(self._by_probe[target], reason, detail)

    def resume_round(self, target: Target, sent_at: float) -> None:
        """Do nothing: references join no cohort."""

    def schedule_round(self, target: Target) -> None:
        """Do nothing, as above."""

    # One question.

    def _ask(self, one: Reference, number: int, now: float) -> None:
        if one.left_out_until is not None:
            if now < one.left_out_until:
                return
            one.left_out_until = None
            _log.info("a reference that was left out is asked again", reference=one.address.text)
        probe = one.probes[number % PROBES_AT_ONCE]
        self._probers[probe.policy.method].end_round(probe)
        hosts = self._hosts(one, probe)
        # Those that answered last come first; if they have ceased to, each question begins with another one.
        turn = 0 if one.is_up and one.preferred in hosts else number % max(1, len(hosts))
        preferred = one.preferred if one.is_up else None
        for host in sorted((*hosts[turn:], *hosts[:turn]), key=lambda host: host != preferred):
            if self._send(one, probe, host.address(probe.port), now):
                return

    def _hosts(self, one: Reference, probe: Target) -> Sequence[IpHost]:
        if probe.route is None:
            host = fixed_host(probe.endpoint)
            return () if host is None else (host,)
        hosts = self._resolver.cached_hosts(one.host)
        if hosts is None:
            self._resolver.look_up(one.host, one, lambda outcome: self._apply_lookup(one, outcome))
            return ()
        return hosts

    def _apply_lookup(self, one: Reference, outcome: Outcome) -> None:
        if isinstance(outcome, NoSuchName):
            self._note_failure(one, Reason.DNS, outcome.detail)
        elif isinstance(outcome, LookupFailed):
            self._note_failure(one, Reason.LOCAL_RESOLVER, outcome.detail)
        else:
            self.uplink.ask(self._clock())

    def _send(self, one: Reference, probe: Target, address: ProbeAddress, now: float) -> bool:
        probe.serial, probe.number = next(self._serials), 1
        probe.track.begin()
        probe.track.sent = 1
        probe.first_sent = probe.last_sent = now
        probe.address, probe.round_at = address, time.monotonic()
        try:
            self._probers[probe.policy.method].send(probe, 1, address)
        except LocalFault as fault:
            self._note_failure(one, fault.reason, fault.detail)
            return False
        return True

    # What the answers mean.

    @staticmethod
    def _note_failure(one: Reference, reason: str, detail: str) -> None:
        one.why = f"{reason}: {detail}" if detail else reason

    def _judge(self, one: Reference, now: float) -> None:
        since = self._began_at if one.answered_at is None else one.answered_at
        is_up = one.answered_at is not None and now - since <= _ANSWERED_WITHIN_S
        if is_up is one.is_up or (one.is_up is None and not is_up and now - since <= _ANSWERED_WITHIN_S):
            return
        if is_up:
            if one.is_up is False:
                _log.info("a reference answers again", reference=one.address.text)
            one.why = ""
        else:
            one.why = one.why or Reason.TIMEOUT
            _log.warning("a reference does not answer", reference=one.address.text, why=one.why)
        one.is_up = is_up

    def _log_change(self) -> None:
        is_failing = self.uplink.is_failing
        if is_failing is self._was_failing:
            return
        self._was_failing, now = is_failing, self._clock()
        if is_failing:
            self._failing_since = now
            _log.warning(
                "no reference answers: VIMs that do not answer either are UNKNOWN, because this may be our network",
                references={one.address.text: one.why or Reason.TIMEOUT for one in self.references},
            )
        else:
            _log.info("references answer again: VIMs are judged as usual", after_s=round(now - self._failing_since, 1))


def _host_of(probe: Target) -> IpHost | None:
    if probe.address is None:
        return None
    ip, _, *scope = probe.address.sockaddr
    return IpHost(probe.address.family, ip, scope[1] if scope else 0)


def _check(one: Reference, gate: TargetGate) -> None:
    host = fixed_host(one.probes[0].endpoint)
    if host is None:
        return
    try:
        gate.check(host.address(one.probes[0].port))
    except LocalFault as fault:
        if fault.reason == Reason.LOCAL_DENIED:
            raise BadSetting(REFERENCES.key, f"{one.address.text}: {fault.detail}") from fault
