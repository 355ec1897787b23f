"""Gathers what rounds come to, and makes digests of it when a minute is over.

Nearly all rounds of a healthy fleet are pings in volleys. Of those, only the times of a whole volley are put by; the
digest of each VIM is made once a minute, from the columns of its cohort's volleys. So a ping costs a place in a small
dictionary, and not one object.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, repeat
from typing import Final

from vimesh.domain.history.round_digests import record_of, records_of_volleys
from vimesh.monitor.targets.target import ProbeGroup, Target

_NO_ANSWER: Final = math.nan
_AT_ONCE: Final = 128
"""Records made in one go: as many as those of a volley, which take less than a millisecond."""

_Volley = tuple[list[Target], "array[float]"]
"""The targets of a volley, and the round trip of each in seconds, NaN without an answer. Later members may follow."""


class _SingleRounds:
    """What the rounds of one target came to that were not part of volleys."""

    __slots__ = ("failed", "lost", "round_trips")

    def __init__(self) -> None:
        self.round_trips: list[float] = []
        self.failed = 0
        self.lost = 0


class RoundHistory:
    """The rounds of the minute that runs."""

    def __init__(self) -> None:
        self._volleys: dict[ProbeGroup, list[_Volley]] = {}
        self._single_rounds: dict[Target, _SingleRounds] = {}

    def note_volley(
        self, group: ProbeGroup, targets: list[Target], tokens: Sequence[int], round_trips: Mapping[int, float]
    ) -> None:
        """Take the answers to a volley: the seconds of each, by token, from the begin of its sending.

        The list must not change later, except for members that are appended.
        """
        times = array("f", map(round_trips.get, tokens, repeat(_NO_ANSWER)))
        self._volleys.setdefault(group, []).append((targets, times))

    def note_answer(self, target: Target, round_trip_s: float, lost: int) -> None:
        """Note a round that an answer ended, after `lost` probes without one."""
        rounds = self._rounds_of(target)
        rounds.round_trips.append(round_trip_s)
        rounds.lost += lost

    def note_failure(self, target: Target, lost: int) -> None:
        """Note a round of `lost` probes of which none was answered."""
        rounds = self._rounds_of(target)
        rounds.failed += 1
        rounds.lost += lost

    def forget(self, target: Target) -> None:
        """Drop what single rounds of a target came to in this minute."""
        self._single_rounds.pop(target, None)

    def _rounds_of(self, target: Target) -> _SingleRounds:
        rounds = self._single_rounds.get(target)
        if rounds is None:
            rounds = self._single_rounds[target] = _SingleRounds()
        return rounds

    def end_minute(self, slot: int) -> Iterator[list[tuple[Target, bytes]]]:
        """Begin a new minute; yield the records of the one that ends, those of some targets at a time.

        They are made on the way, so that the caller can let the loop turn in between.
        """
        volleys, single_rounds = self._volleys, self._single_rounds
        self._volleys, self._single_rounds = {}, {}
        return _records(slot, list(volleys.values()), single_rounds)


def _records(
    slot: int, cohorts: Sequence[Sequence[_Volley]], single_rounds: dict[Target, _SingleRounds]
) -> Iterator[list[tuple[Target, bytes]]]:
    regular = []
    for volleys in cohorts:
        if _are_regular(volleys):
            regular.append(volleys)
        else:
            _add_separately(volleys, single_rounds)
            yield []
    for volleys in regular:
        targets = volleys[0][0]
        if not single_rounds or single_rounds.keys().isdisjoint(targets):
            yield list(zip(targets, records_of_volleys(slot, [times for _, times in volleys]), strict=False))
        else:
            _add_separately(volleys, single_rounds)
            yield []
    others = iter(single_rounds.items())
    while some := [
        (target, record_of(slot, rounds.round_trips, rounds.failed, rounds.lost))
        for target, rounds in islice(others, _AT_ONCE)
    ]:
        yield some


def _are_regular(volleys: Sequence[_Volley]) -> bool:
    """Return whether all volleys went to the same targets, and all were answered."""
    first, times = volleys[0]
    count = len(times)
    # A sum with a NaN in it is NaN, and takes a tenth of the time of a search.
    return all(targets is first and len(times) == count and not math.isnan(sum(times)) for targets, times in volleys)


def _add_separately(volleys: Sequence[_Volley], single_rounds: dict[Target, _SingleRounds]) -> None:
    for targets, times in volleys:
        for target, round_trip_s in zip(targets, times, strict=False):
            if round_trip_s == round_trip_s:  # noqa: PLR0124 - not NaN, in a third of the time of isnan()
                rounds = single_rounds.get(target)
                if rounds is None:
                    rounds = single_rounds[target] = _SingleRounds()
                rounds.round_trips.append(round_trip_s)
