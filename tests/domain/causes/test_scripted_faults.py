from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from tests.support.causes.scripted_faults import SCRIPTS
from tests.support.causes.synthetic_fleet import SyntheticFleet
from vimesh.domain.causes.correlation import FoundCause

_SURROUNDINGS = tuple(itertools.product((0, 4), (1.0, 0.93)))
"""Single outages beside the faults, and the share of the affected VIMs that was noticed so far."""


def _names(causes: Sequence[FoundCause]) -> set[tuple[str, str]]:
    return {(cause.trait.kind, cause.trait.subject) for cause in causes}


def test_at_least_95_of_100_faults_are_named_rightly_and_told_once() -> None:
    assert len(SCRIPTS) >= 40
    wrong = []
    fleet = SyntheticFleet(seed=1)
    for number, (name, script) in enumerate(SCRIPTS):
        singles, seen = _SURROUNDINGS[number % len(_SURROUNDINGS)]
        faults = script(fleet)
        members = fleet.broken(faults, singles=singles, seen=seen)
        causes = fleet.causes_of(members)
        if _names(causes) != {(fault.kind, fault.subject) for fault in faults}:
            wrong.append((name, _names(causes)))
        explained = sum(len(cause.members) for cause in causes)
        rest = sum(member.changed_lately for member in members) - explained
        assert len(causes) + bool(rest) <= len(faults) + 1, name
    assert len(wrong) <= 0.05 * len(SCRIPTS), wrong


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
