"""Takes the steps of a round at which a name is looked up: before its probes, and before bad news is believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vimesh.domain.probing import Reason
from vimesh.monitor.names.name_answers import LookupFailed, NoSuchName, Outcome
from vimesh.monitor.names.resolver import LOOKUP_LIMIT_S, Resolver
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.scheduling.round_budget import RoundBudget
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.targets.address_route import AddressRoute
from vimesh.monitor.targets.target import Stage, Target

NAMING_LIMIT_S = LOOKUP_LIMIT_S + 1.0
"""Safety net: the resolver returns an outcome earlier, unless very many names are queued."""


class RoundSteps(Protocol):
    """What follows from a look-up: see Rounds."""

    def record_departure(self, target: Target) -> int: ...

    def record_failure(self, target: Target, number: int, reason: str, detail: str) -> None: ...

    def apply_fault(self, target: Target, reason: str, detail: str) -> None: ...

    def give_up(self, target: Target, reason: str, detail: str) -> None: ...

    def accept_failure(self, target: Target, reason: str = "", detail: str = "") -> None: ...


def set_route(target: Target, route: AddressRoute, addresses: Sequence[ProbeAddress]) -> None:
    """Let the probes of the round go to these addresses."""
    route.begin(addresses)
    target.track.cover(len(addresses))


class NamingSteps:
    """No probe of a target depends on it whose address is known: these are the rare steps of a round."""

    def __init__(  # noqa: PLR0913 - everything it uses is passed in
        self,
        resolver: Resolver,
        *,
        rounds: RoundSteps,
        wheel: TimingWheel[Target],
        stall_clock: StallClock,
        round_budget: RoundBudget,
        always_in_doubt: bool = False,
    ) -> None:
        """`always_in_doubt`: whether there are references, which have a word before any bad news is accepted."""
        self._resolver = resolver
        self._rounds = rounds
        self._wheel = wheel
        self._stall_clock = stall_clock
        self._round_budget = round_budget
        self._always_in_doubt = always_in_doubt

    def look_up(self, target: Target) -> None:
        """Look up the name of a target whose addresses are not known."""
        target.stage = Stage.NAMING
        # Not NAMING_LIMIT_S: with very many names, the lookup is queued first, which is not the resolver's fault.
        self._wheel.set(target, target.overdue_at(self._round_budget.stretch))
        self._resolver.look_up(target.endpoint.host, target, lambda outcome: self._apply_lookup(target, outcome))

    def give_up(self, target: Target) -> None:
        """End the round of a target whose look-up takes too long."""
        self._rounds.give_up(target, Reason.LOCAL_RESOLVER, "too many names are waiting to be looked up")

    def renew(self, target: Target) -> None:
        """Check whether the name has moved before the VIM is declared unreachable."""
        name = target.endpoint.host
        target.stage = Stage.RENAMING
        if self._resolver.renew(name, target, lambda outcome: self._apply_renewal(target, outcome)):
            self._wheel.set(target, self._stall_clock.now() + NAMING_LIMIT_S)
        else:
            self._apply_renewal(target, self._resolver.last_outcome(name))

    def _apply_lookup(self, target: Target, outcome: Outcome) -> None:
        if target.stage is not Stage.NAMING:
            return
        if isinstance(outcome, NoSuchName):
            number = self._rounds.record_departure(target)
            self._rounds.record_failure(target, number, Reason.DNS, outcome.detail)
        elif isinstance(outcome, LookupFailed):
            target.stage = Stage.SPACING
            target.last_sent = self._stall_clock.now()
            self._rounds.apply_fault(target, Reason.LOCAL_RESOLVER, outcome.detail)
        else:
            target.stage = Stage.SPACING
            self._wheel.set(target, self._stall_clock.now())

    def _apply_renewal(self, target: Target, outcome: Outcome) -> None:
        """Continue the round at addresses not tried yet; without any, accept its bad news."""
        route = target.route
        if target.stage is not Stage.RENAMING or route is None:
            return
        if isinstance(outcome, NoSuchName):
            self._rounds.accept_failure(target, Reason.DNS, outcome.detail)
            return
        hosts = () if isinstance(outcome, LookupFailed) else outcome
        untried = route.untried(host.address(target.port) for host in hosts)
        if not untried:
            gap = self._resolver.why_incomplete(target.endpoint.host)
            if gap and route.preferred is None:
                # None of the known addresses has ever answered, and the missing ones might.
                self._rounds.give_up(target, Reason.LOCAL_RESOLVER, gap)
            else:
                self._rounds.accept_failure(target)
            return
        target.track.begin()
        target.track.in_doubt = self._always_in_doubt
        set_route(target, route, untried)
        target.stage = Stage.SPACING
        self._wheel.set(target, self._stall_clock.now())
