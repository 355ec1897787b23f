from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from tests.support.causes.synthetic_fleet import MONITORS, PROXIES, VANTAGES, ZONES, Fault, SyntheticFleet
from vimesh.domain.causes.correlation import FoundCause
from vimesh.domain.vims import Status

_Script = Callable[[SyntheticFleet], Sequence[Fault]]


def _only(make: Callable[..., Fault], *arguments: object) -> _Script:
    return lambda fleet: [make(fleet, *arguments)]


def _scripts() -> list[tuple[str, _Script]]:
    fleet = SyntheticFleet
    scripts = [(f"router {number}", _only(fleet.router, number)) for number in range(4)]
    scripts += [(f"prefix {number}", _only(fleet.prefix, number)) for number in range(0, 24, 3)]
    scripts += [(f"names of {zone}", _only(fleet.zone, zone)) for zone in ZONES]
    scripts += [(f"certificates of {zone}", _only(fleet.certificate, zone)) for zone in ZONES]
    scripts += [(f"proxy {proxy}", _only(fleet.label, "proxy", proxy)) for proxy in PROXIES]
    scripts += [(f"rack {number}", _only(fleet.label, "rack", f"r{number}", "TIMEOUT")) for number in range(3)]
    scripts += [(f"uplink of {one}", _only(fleet.monitor, one)) for one in MONITORS]
    for reason in ("LOCAL_NO_ROUTE", "SILENT"):
        scripts += [(f"{reason} of {one}", _only(fleet.monitor, one, reason, Status.UNKNOWN)) for one in MONITORS[:2]]
    scripts += [(f"vantage {one}", _only(fleet.vantage, one)) for one in VANTAGES]
    two: list[tuple[str, _Script]] = [
        ("two prefixes", lambda fleet: [fleet.prefix(1), fleet.prefix(20)]),
        ("prefix and names", lambda fleet: [fleet.prefix(2), fleet.zone(ZONES[0])]),
        ("prefix and monitor", lambda fleet: [fleet.prefix(3), fleet.monitor(MONITORS[0])]),
        ("proxy and certificates", lambda fleet: [fleet.certificate(ZONES[1]), fleet.label("proxy", "p1")]),
        ("router and names", lambda fleet: [fleet.router(1), fleet.zone(ZONES[2])]),
        ("two monitors", lambda fleet: [fleet.monitor(MONITORS[0]), fleet.monitor(MONITORS[3])]),
        ("names and certificates", lambda fleet: [fleet.zone(ZONES[0]), fleet.certificate(ZONES[1])]),
        ("rack and prefix", lambda fleet: [fleet.prefix(9), fleet.label("rack", "r2", "TIMEOUT")]),
    ]
    return scripts + two


_SCRIPTS = _scripts()
_SURROUNDINGS = tuple(itertools.product((0, 4), (1.0, 0.93)))
"""Single outages beside the faults, and the share of the affected VIMs that was noticed so far."""


def _names(causes: Sequence[FoundCause]) -> set[tuple[str, str]]:
    return {(cause.trait.kind, cause.trait.subject) for cause in causes}


def test_at_least_95_of_100_faults_are_named_rightly_and_told_once() -> None:
    assert len(_SCRIPTS) >= 40
    wrong = []
    fleet = SyntheticFleet(seed=1)
    for number, (name, script) in enumerate(_SCRIPTS):
        singles, seen = _SURROUNDINGS[number % len(_SURROUNDINGS)]
        faults = script(fleet)
        members = fleet.broken(faults, singles=singles, seen=seen)
        causes = fleet.causes_of(members)
        if _names(causes) != {(fault.kind, fault.subject) for fault in faults}:
            wrong.append((name, _names(causes)))
        explained = sum(len(cause.members) for cause in causes)
        rest = sum(member.changed_lately for member in members) - explained
        assert len(causes) + bool(rest) <= len(faults) + 1, name
    assert len(wrong) <= 0.05 * len(_SCRIPTS), wrong


@pytest.mark.parametrize("count", [1, 2, 3, 10, 40])
def test_single_outages_have_no_cause(count: int) -> None:
    fleet = SyntheticFleet(seed=count)

    assert fleet.causes_of(fleet.broken([], singles=count)) == []


def test_a_fault_that_most_of_its_members_survive_has_no_cause() -> None:
    fleet = SyntheticFleet(seed=1)

    assert fleet.causes_of(fleet.broken([fleet.prefix(0)], seen=0.6)) == []


def test_trouble_that_is_older_does_not_hide_a_cause() -> None:
    fleet = SyntheticFleet(seed=2)
    fault = fleet.prefix(4)
    members = fleet.broken([fault])
    old = [place for place, member in enumerate(members) if fault.hits(member)][:30]
    for place in old:
        members[place] = members[place]._replace(age_s=1e6)

    assert _names(fleet.causes_of(members)) == {(fault.kind, fault.subject)}
