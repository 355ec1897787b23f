"""Numbers the traits of VIMs, so that those of a hundred thousand VIMs are counted within a fraction of a second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Hashable
from itertools import islice
from typing import NamedTuple

from vimesh.domain.causes.traits import (
    EVERY_KIND,
    MAX_LABELS,
    CauseMember,
    Places,
    Trait,
    kinds_of_reason,
    neighbourhood_of,
    trait_of_label,
    traits_of_neighbourhood,
    traits_of_places,
)
from vimesh.domain.vims import CauseKind


class _Scope(NamedTuple):
    """The kinds of traits that a reason leaves. To ask a set of an enumeration takes longer than all else here."""

    number: int
    is_of_prober: bool
    """Whether it is our own trouble, whatever the VIM is like."""
    has_networks: bool


class TraitIndex:
    """What is looked up once is kept: VIMs share most of their traits. It lives as long as one look at the changes."""

    def __init__(self, shared_hosts: Container[str]) -> None:
        """`shared_hosts`: the hosts that are a trait of their own. Others are only seen as those of their networks."""
        self.traits: list[Trait] = []
        """By number."""
        self._shared_hosts = shared_hosts
        self._numbers: dict[Trait, int] = {}
        self._scopes: dict[str | None, _Scope] = {}
        self._of_places: dict[Places, list[int]] = {}
        self._of_hosts: dict[tuple[str, bool, int], list[int]] = {}
        self._of_neighbourhoods: dict[tuple[Hashable, ...], list[int]] = {}
        self._of_labels: defaultdict[str, dict[tuple[str, str], int]] = defaultdict(dict)
        """By project."""

    def numbers_of(self, member: CauseMember, places: Places, reason: str | None = None) -> list[int]:
        """Return the numbers of the traits of a VIM; with a reason, of those whose failure would be seen by it."""
        scope = self._scopes.get(reason) or self._scope(reason)
        numbers = self._of_places.get(places)
        if numbers is None:
            numbers = self._of_places[places] = [self._number(trait) for trait in traits_of_places(places)]
        if scope.is_of_prober:
            return numbers
        key = (member.host, member.is_tls, scope.number)
        of_host = self._of_hosts.get(key)
        if of_host is None:
            of_host = self._of_hosts[key] = self._of_host(member, scope)
        numbers = numbers + of_host
        of_labels = self._of_labels[member.project_id]
        for label in islice(member.labels.items(), MAX_LABELS):
            number = of_labels.get(label)
            if number is None:
                number = of_labels[label] = self._number(trait_of_label(member.project_id, *label))
            numbers.append(number)
        return numbers

    def _scope(self, reason: str | None) -> _Scope:
        kinds = EVERY_KIND if reason is None else kinds_of_reason(reason)
        numbers = [place for place, kind in enumerate(CauseKind) if kind in kinds]
        scope = _Scope(sum(1 << number for number in numbers), CauseKind.LABEL not in kinds, CauseKind.NETWORK in kinds)
        self._scopes[reason] = scope
        return scope

    def _number(self, trait: Trait) -> int:
        number = self._numbers.setdefault(trait, len(self.traits))
        if number == len(self.traits):
            self.traits.append(trait)
        return number

    def _of_host(self, member: CauseMember, scope: _Scope) -> list[int]:
        if not member.host:
            return []
        where, own = neighbourhood_of(member.host)
        key = (where, member.is_tls, scope.number)
        numbers = self._of_neighbourhoods.get(key)
        if numbers is None:
            kinds = [kind for place, kind in enumerate(CauseKind) if scope.number >> place & 1]
            traits = traits_of_neighbourhood(where, is_tls=member.is_tls)
            numbers = [self._number(trait) for trait in traits if trait.kind in kinds]
            self._of_neighbourhoods[key] = numbers
        is_own = scope.has_networks and member.host in self._shared_hosts
        return [*numbers, self._number(own)] if is_own else numbers
