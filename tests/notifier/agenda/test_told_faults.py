"""Scripted faults, as probes notice them one after the other, and what a receiver is told that groups by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from tests.notifier.agenda.simulated_world import World, settings, vim_id
from tests.support.causes.scripted_faults import SCRIPTS, Script
from tests.support.causes.synthetic_fleet import SyntheticFleet
from vimesh.domain.causes.correlation import MIN_MEMBERS, Correlation, is_settled, join
from vimesh.domain.causes.traits import CauseMember, Trait

_SINGLES = 2
_PROBED_EACH_S = 10
_FOLLOWED_S = 25
_CHOSEN = [*SCRIPTS[:-8:5], *SCRIPTS[-8:]]


class Naming:
    """Names causes once a second, as a conductor does."""

    def __init__(self, fleet: SyntheticFleet, members: Sequence[CauseMember]) -> None:
        self._fleet = fleet
        self._healthy = [member for member in members if not member.changed_lately]
        self._causes: dict[Trait, str] = {}
        self.cause_of: dict[str, str] = {}

    def look(self, lost: Sequence[CauseMember]) -> None:
        unnamed = [member for member in lost if member.vim_id not in self.cause_of]
        joined, others = join(unnamed, self._causes, self._fleet.places_of)
        for cause, members in joined.items():
            self._name(cause, members)
        if len(others) < MIN_MEMBERS or not is_settled(others):
            return
        correlation = Correlation(others, self._fleet.places_of)
        populations = dict(correlation.suspects)
        correlation.count(self._healthy, populations)
        for found in correlation.find_causes(populations):
            cause = f"{found.trait.kind} {found.trait.subject}"
            self._causes[found.trait] = cause
            self._name(cause, found.members)

    def _name(self, cause: str, members: Sequence[CauseMember]) -> None:
        self.cause_of |= {member.vim_id: cause for member in members}


@pytest.mark.parametrize("script", [script for _, script in _CHOSEN], ids=[name for name, _ in _CHOSEN])
def test_each_fault_is_told_once_and_single_outages_beside_it(script: Script) -> None:
    fleet = SyntheticFleet(seed=7, per_prefix=20, per_zone=60)
    faults = script(fleet)
    members = fleet.broken(faults, singles=_SINGLES)
    noticed_at = {place: fleet.random.uniform(0, _PROBED_EACH_S) for place, one in enumerate(members) if one.age_s < 60}
    naming, world = Naming(fleet, members), World(settings(group_by=("cause",), group_wait_s=15.0))

    for second in range(_FOLLOWED_S):
        for place in [place for place, at in noticed_at.items() if second <= at < second + 1]:
            world.dark(place, members[place].reason)
        world.run(1.0)
        now = second + 1
        naming.look([members[place]._replace(age_s=now - at) for place, at in noticed_at.items() if at < now])
        for place in noticed_at:
            if vim := world.vims.get(vim_id(place)):
                vim.cause = naming.cause_of.get(members[place].vim_id, "")
    world.run(100.0)

    told = Counter(receipt.notification.group["cause"] for receipt in world.receipts)
    expected = {f"{fault.kind} {fault.subject}": 1 for fault in faults}
    assert {cause: count for cause, count in told.items() if cause} == expected
    assert len(world.receipts) <= len(faults) + _SINGLES
    assert {change.vim_id for receipt in world.receipts for change in receipt.notification.changes} == set(world.vims)
