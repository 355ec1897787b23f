"""Finds what VIMs whose status has changed have in common, and hardly any other VIM. It has no input, output or clock.

A trait explains changes if at least four fifths of the VIMs that have it are affected, and there are three of them. Of
all explanations the one with the best balance is taken: each affected VIM counts for it, each healthy one that has the
trait counts four times against it. What it explains is taken out, and the next one is looked for. So a prefix wins
over the larger one in which it lies if that has healthy addresses, and over its parts if all of them are affected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

from vimesh.domain.causes.trait_index import TraitIndex
from vimesh.domain.causes.traits import BAD, CauseMember, PlacesOf, Trait
from vimesh.domain.vims import CauseKind, Status

MIN_MEMBERS: Final = 3
"""Fewer VIMs that change together are single outages."""
MIN_SHARE: Final = 0.8
_AGAINST: Final = 4
"""What a healthy VIM counts, so that the balance is at least 0 from MIN_SHARE on."""
MAX_CAUSES: Final = 20
"""Maximum number of causes to find in one look, because people read them one by one."""
_OVERLAP: Final = 0.5
"""A trait of whose affected VIMs more than this were explained already is not another cause."""
_ORDER: Final = (
    CauseKind.CERTIFICATE,
    CauseKind.RESOLVER,
    CauseKind.MONITOR,
    CauseKind.VANTAGE,
    CauseKind.NETWORK,
    CauseKind.LABEL,
)
"""Of traits that the same VIMs have, the first one is taken: those that only one reason fits; then ours, before we
blame others."""
_PLACE: Final = {kind: place for place, kind in enumerate(_ORDER)}
_Rank = tuple[int, int, int, int, str, int, int]


_QUIET_S: Final = 2.0
_QUIET_SHARE: Final = 0.05
LONGEST_WAIT_S: Final = 20.0


def is_settled(changes: Iterable[CauseMember]) -> bool:
    """Return whether changes are complete enough to say what they have in common.

    Probes notice a fault one after the other. As long as many more come, parts of what failed look complete by chance
    before the whole does. Nothing waits for this but the name of the cause.
    """
    ages = [member.age_s for member in changes]
    few = _QUIET_SHARE * len(ages)
    fresh, old = sum(age < _QUIET_S for age in ages), sum(age > LONGEST_WAIT_S for age in ages)
    # Single outages of before are no wave that has waited long enough.
    return fresh <= few or old >= max(MIN_MEMBERS, few)


def join(
    changes: Iterable[CauseMember], causes: Mapping[Trait, str], places_of: PlacesOf
) -> tuple[dict[str, list[CauseMember]], list[CauseMember]]:
    """Return which changes belong to causes that last, by the ids of those, and the others."""
    joined: dict[str, list[CauseMember]] = {}
    others: list[CauseMember] = []
    index = TraitIndex(_hosts_of(causes))
    for member in changes:
        numbers = index.numbers_of(member, places_of(member), member.reason)
        cause_id = next((causes[trait] for number in numbers if (trait := index.traits[number]) in causes), None)
        (others if cause_id is None else joined.setdefault(cause_id, [])).append(member)
    return joined, others


@dataclass(frozen=True, slots=True)
class FoundCause:
    trait: Trait
    members: tuple[CauseMember, ...]
    """The affected VIMs that it explains."""
    population: int
    """The VIMs that have the trait and could have been affected."""
    reason: str
    """The one that most members have."""
    age_s: float
    """How long ago the first of them changed."""


class Correlation:
    """A look at the VIMs whose status has become UNREACHABLE or UNKNOWN of late.

    All it does takes time and memory in proportion to the number of VIMs.
    """

    def __init__(self, changes: Sequence[CauseMember], places_of: PlacesOf) -> None:
        self._changes = changes
        self._places_of = places_of
        hosts = Counter(member.host for member in changes)
        self._index = TraitIndex({host for host, count in hosts.items() if count >= MIN_MEMBERS})
        self._numbers = [self._index.numbers_of(member, places_of(member), member.reason) for member in changes]
        counts = [0] * len(self._index.traits)
        for numbers in self._numbers:
            for number in numbers:
                counts[number] += 1
        self.suspects = {
            trait: count for trait, count in zip(self._index.traits, counts, strict=True) if count >= MIN_MEMBERS
        }
        """The traits that enough of the changed VIMs have, and how many of them have it."""

    def count(self, members: Iterable[CauseMember], populations: dict[Trait, int]) -> None:
        """Add to `populations`, for each suspect, how many of these VIMs have it and could be affected.

        Could not be affected: VIMs that nobody has reported on yet, and those whose trouble is older.
        """
        index = self._index
        counts = [0] * len(index.traits)
        for member in members:
            if member.status is Status.PENDING or (member.status in BAD and not member.changed_lately):
                continue
            numbers = index.numbers_of(member, self._places_of(member))
            if len(counts) < len(index.traits):
                counts += [0] * (len(index.traits) - len(counts))
            for number in numbers:
                counts[number] += 1
        for trait, count in zip(index.traits, counts, strict=True):
            if trait in self.suspects:
                populations[trait] = populations.get(trait, 0) + count

    def find_causes(self, populations: Mapping[Trait, int]) -> list[FoundCause]:
        """Return what explains the changes, the best explanation first; VIMs that nothing explains are in none."""
        likely = {
            trait: max(count, populations.get(trait, 0))
            for trait, count in self.suspects.items()
            if count >= MIN_SHARE * populations.get(trait, 0)
        }
        affected: list[list[int] | None] = [[] if trait in likely else None for trait in self._index.traits]
        for place, numbers in enumerate(self._numbers):
            for number in numbers:
                # A count of the population may have made the index longer, but not by traits of changed VIMs.
                if (places := affected[number]) is not None:
                    places.append(place)
        return self._choose({number: places for number, places in enumerate(affected) if places}, likely)

    def _choose(self, affected: Mapping[int, list[int]], populations: Mapping[Trait, int]) -> list[FoundCause]:
        traits = self._index.traits
        explained = bytearray(len(self._changes))
        queue = [
            _rank(traits[number], number, len(places), len(places), populations) for number, places in affected.items()
        ]
        heapify(queue)
        found: list[FoundCause] = []
        while queue and len(found) < MAX_CAUSES:
            *_, number, last_count = heappop(queue)
            places = affected[number]
            left = [place for place in places if not explained[place]]
            if len(left) < MIN_MEMBERS or len(left) < _OVERLAP * len(places):
                continue
            if len(left) < last_count:
                # Others have explained some since it was ranked, so another one may come first.
                heappush(queue, _rank(traits[number], number, len(left), len(places), populations))
                continue
            for place in left:
                explained[place] = 1
            members = tuple(self._changes[place] for place in left)
            reasons = Counter(member.reason for member in members)
            reason = min(reasons, key=lambda reason: (-reasons[reason], reason))
            age_s = max(member.age_s for member in members)
            found.append(FoundCause(traits[number], members, populations[traits[number]], reason, age_s))
        return found


def _hosts_of(traits: Iterable[Trait]) -> set[str]:
    """Return the addresses that are traits of their own."""
    return {trait.subject.partition("/")[0] for trait in traits if trait.kind is CauseKind.NETWORK}


def _rank(trait: Trait, number: int, left: int, count: int, populations: Mapping[Trait, int]) -> _Rank:
    population = populations[trait]
    balance = left - _AGAINST * (population - count)
    return -balance, population, _PLACE[trait.kind], -trait.size, str(trait.value), number, left
