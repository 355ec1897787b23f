"""Decides which monitor of a vantage runs the ping action of a VIM: rendezvous hashing, weighted by capacity.

It is a pure function of who is there. So each conductor comes to the same answer by itself, and a monitor that comes or
goes moves no more VIMs than those that it takes or leaves.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

_BITS: Final = 0xFFFF_FFFF_FFFF_FFFF
_MULTIPLIERS: Final = (0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB)
"""Those of SplitMix64, which mixes each bit of its input into each bit of its output."""
_MAX_REMEMBERED: Final = 200_000
"""VIMs whose owners are remembered, for all streams of a conductor: some 20 MB."""


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A monitor, as far as the assignment depends on it."""

    monitor_id: str
    capacity: int = 1
    """One of capacity 2 gets twice as many VIMs as one of capacity 1."""
    draining: bool = False
    """Whether it gets VIMs only if all others drain as well: somebody must probe them."""
    joined: int = field(default=0, compare=False)
    """When it joined, in microseconds. It tells one that comes back from one that was never gone: what each of them was
    told of its VIMs is not the same."""


class Assignment:
    """Which of the monitors of a vantage has which VIM."""

    def __init__(self, members: Iterable[Member]) -> None:
        present = sorted(members)
        self.members = tuple(each for each in present if not each.draining) or tuple(present)
        """Those that get VIMs."""
        said = (f"{each.monitor_id}:{each.capacity}:{each.joined}" for each in self.members)
        self.version = _digest(";".join(said)).hex()
        """The same for the same members, in each conductor."""
        self._seeds = [
            (each.monitor_id, int.from_bytes(_digest(each.monitor_id)), each.capacity) for each in self.members
        ]
        self._is_even = len({each.capacity for each in self.members}) == 1
        self._owners: dict[str, str] = {}

    def owner_of(self, vim_id: str) -> str:
        """Return the id of the monitor that has the VIM; empty if there are no monitors."""
        if len(self._seeds) <= 1:
            return self._seeds[0][0] if self._seeds else ""
        owner = self._owners.get(vim_id)
        if owner is None:
            owner = self._found_owner(int.from_bytes(_digest(vim_id)))
            if len(self._owners) < _MAX_REMEMBERED:
                self._owners[vim_id] = owner
        return owner

    def _found_owner(self, key: int) -> str:
        if self._is_even:
            # The variate below is the smallest where the number is the largest.
            return max((_mixed(key ^ seed), monitor_id) for monitor_id, seed, _ in self._seeds)[1]
        best_id, best = "", math.inf
        for monitor_id, seed, capacity in self._seeds:
            # An exponential variate with the rate `capacity`: the smallest of several is that of a monitor as often as
            # its capacity is to all of them (Efraimidis and Spirakis, 2006).
            variate = -math.log((_mixed(key ^ seed) + 0.5) / 2.0**64) / capacity
            if variate < best:
                best_id, best = monitor_id, variate
        return best_id


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def _mixed(number: int) -> int:
    number = ((number ^ (number >> 30)) * _MULTIPLIERS[0]) & _BITS
    number = ((number ^ (number >> 27)) * _MULTIPLIERS[1]) & _BITS
    return number ^ (number >> 31)


NOBODY: Final = Assignment(())


def versions_of(assignments: Mapping[str, Assignment]) -> dict[str, str]:
    """Return the versions of assignments: they are equal if all VIMs are divided equally."""
    return {vantage: assignment.version for vantage, assignment in assignments.items()}
