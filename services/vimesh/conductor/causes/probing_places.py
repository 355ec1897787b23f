"""Remembers which monitor had which VIM: when changes are looked at, others may have taken over from one that died."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from vimesh.domain.causes.traits import WINDOW_S, CauseMember, Places, PlacesOf
from vimesh.domain.pool.assignment import NOBODY, Assignment, versions_of
from vimesh.domain.vims import Engine

_MAX_REMEMBERED: Final = 20
"""Assignments of a pool that changes often; usually there is one."""


class ProbingPlaces:
    def __init__(self) -> None:
        self._assignments: deque[tuple[float, Mapping[str, Assignment]]] = deque(maxlen=_MAX_REMEMBERED)

    def note(self, assignments: Mapping[str, Assignment], now: float) -> bool:
        """Take in how the VIMs of each vantage are divided from a time on, in seconds of any clock.

        Return whether that has changed.
        """
        is_new = not self._assignments or versions_of(self._assignments[-1][1]) != versions_of(assignments)
        if is_new:
            self._assignments.append((now, assignments))
        while len(self._assignments) > 1 and self._assignments[1][0] < now - WINDOW_S:
            self._assignments.popleft()
        return is_new

    def at(self, time: float) -> PlacesOf:
        """Return what says where VIMs were probed at a time."""
        before = [assignments for since, assignments in self._assignments if since <= time]
        assignments = before[-1] if before else self._assignments[0][1]

        def places_of(member: CauseMember) -> Places:
            if member.engine != Engine.EMBEDDED:
                return ()  # where an action of another system runs is not known here
            return tuple((assignments.get(each, NOBODY).owner_of(member.vim_id), each) for each in member.vantages)

        return places_of
