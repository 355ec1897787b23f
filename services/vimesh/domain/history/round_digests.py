"""Digests of rounds: how many there were in a span of time, how many were answered, and how fast.

A digest is a record of RECORD_BYTES, in the monitor that makes it, on the wire and in the database: a fleet of 100,000
VIMs makes 1,700 a second, and nobody on the way needs to look into them. Layout, little-endian: the number of the span
since 1970 (uint32), the sum of the round trips, the shortest and the longest in seconds (float32 each), the counts of
rounds, of answered rounds and of lost probes, and those of round trips by class (uint16 each). A count that does not
fit stays at its maximum.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from operator import add
from typing import Final, NamedTuple

CLASS_LIMITS_S: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""The longest round trip of each class but the last, which has no limit."""
CLASSES: Final = len(CLASS_LIMITS_S) + 1
MINUTE_S: Final = 60

_TIMES: Final = struct.Struct("<I3f")
_COUNTS: Final = struct.Struct(f"<{3 + CLASSES}H")
_RECORD: Final = struct.Struct(f"<I3f{3 + CLASSES}H")
RECORD_BYTES: Final = _RECORD.size
_MOST: Final = 0xFFFF
_LONGEST_S: Final = 3600.0
_ROUNDING: Final = 1.000001
"""What a sum may be off by, as a float32."""
_NO_TRIPS: Final = (0,) * CLASSES

_pack_times, _pack_counts, _iter_unpack = _TIMES.pack, _COUNTS.pack, _RECORD.iter_unpack
_slot_of = struct.Struct("<I").unpack_from


class RoundDigest(NamedTuple):
    """What the rounds of one VIM came to that ended in one span of time."""

    slot: int
    """Number of the span since 1970, by the clock of the database."""
    sum_s: float
    """Of all round trips; the others are the shortest and the longest."""
    min_s: float
    max_s: float
    rounds: int
    """Rounds that decided something about the VIM: not those that a fault of the prober spoilt."""
    answered: int
    lost: int
    """Probes of these rounds without an answer in time; of an answered round, those before the answered one."""
    by_class: tuple[int, ...]
    """Counts of round trips: see CLASS_LIMITS_S."""


def record_of(slot: int, round_trips: Sequence[float], failed: int = 0, lost: int = 0) -> bytes:
    """Return the record of some rounds.

    `round_trips`: seconds, of the answered rounds; `failed`: number of other rounds; `lost`: number of lost probes.
    """
    answered = len(round_trips)
    if not answered:
        return _pack_times(slot, 0.0, 0.0, 0.0) + _counts_of(failed, 0, lost, _NO_TRIPS)
    shortest, longest = min(round_trips), max(round_trips)
    if shortest < 0.0:
        # The clock of the loop steps back when a stall is noticed.
        return record_of(slot, [max(0.0, round_trip) for round_trip in round_trips], failed, lost)
    times = _pack_times(slot, sum(round_trips), shortest, longest)
    return times + _counts_of(answered + failed, answered, lost, _by_class(round_trips))


def records_of_volleys(slot: int, volleys: Sequence[Sequence[float]]) -> list[bytes]:
    """Return the record of each place of some volleys, each of which was answered at all places.

    This does for many what `record_of` does for one, in a third of the time: nearly all loops are those of the
    interpreter's own functions.
    """
    columns = list(zip(*volleys, strict=True))
    shortest, longest = list(map(min, columns)), list(map(max, columns))
    if min(shortest) < 0.0:
        return [record_of(slot, round_trips) for round_trips in columns]
    times = map(_pack_times, repeat(slot), map(sum, columns), shortest, longest)
    first, last = (map(bisect_left, repeat(CLASS_LIMITS_S), limit) for limit in (shortest, longest))
    answered = len(volleys)
    in_one = [_counts_of(answered, answered, 0, _in_one_class(place, answered)) for place in range(CLASSES)]
    counts = [
        in_one[low] if low == high else _counts_of(answered, answered, 0, _by_class(round_trips))
        for low, high, round_trips in zip(first, last, columns, strict=True)
    ]
    return list(map(add, times, counts))


def _by_class(round_trips: Sequence[float]) -> tuple[int, ...]:
    counts = [0] * CLASSES
    for round_trip in round_trips:
        counts[bisect_left(CLASS_LIMITS_S, round_trip)] += 1
    return tuple(counts)


def _in_one_class(place: int, count: int) -> tuple[int, ...]:
    return tuple(count if other == place else 0 for other in range(CLASSES))


@lru_cache(maxsize=4096)
def _counts_of(rounds: int, answered: int, lost: int, by_class: tuple[int, ...]) -> bytes:
    return _pack_counts(*(min(count, _MOST) for count in (rounds, answered, lost, *by_class)))


def digests_of(records: bytes) -> Iterator[RoundDigest]:
    """Yield the digests of records one after the other."""
    for slot, sum_s, min_s, max_s, rounds, answered, lost, *by_class in _iter_unpack(records):
        yield RoundDigest(slot, sum_s, min_s, max_s, rounds, answered, lost, tuple(by_class))


def first_and_last_slot(records: bytes) -> tuple[int, int]:
    """Return the slots of the first and of the last record."""
    return _slot_of(records, 0)[0], _slot_of(records, len(records) - RECORD_BYTES)[0]


def count_of_slots_below(records: bytes, slot: int) -> int:
    """Return how many records are of a slot below this one; they are in the order of their slots."""
    return bisect_left([fields[0] for fields in _iter_unpack(records)], slot)


def records_of(digests: Iterable[RoundDigest]) -> bytes:
    """Return the records of digests."""
    return b"".join(
        _pack_times(slot, sum_s, min_s, max_s) + _counts_of(rounds, answered, lost, by_class)
        for slot, sum_s, min_s, max_s, rounds, answered, lost, by_class in digests
    )


def is_consistent(records: bytes) -> bool:
    """Return whether records from outside are whole and in the order of their slots, and say nothing impossible."""
    before = -1
    if len(records) % RECORD_BYTES:
        return False
    for slot, sum_s, min_s, max_s, rounds, answered, _, *by_class in _iter_unpack(records):
        # Not the other way round: each comparison with NaN is false.
        lowest, highest = min_s * answered, max_s * answered
        if not (0.0 <= lowest <= sum_s * _ROUNDING and sum_s <= highest * _ROUNDING and max_s <= _LONGEST_S):
            return False
        if answered > rounds or sum(by_class) != answered or slot <= before:
            return False
        before = slot
    return True


def merged(digests: Iterable[RoundDigest], factor: int) -> list[RoundDigest]:
    """Return digests of spans that are `factor` times as long, in order; with 1, those of the same span as one."""
    by_slot: dict[int, list[RoundDigest]] = {}
    for digest in digests:
        by_slot.setdefault(digest.slot // factor, []).append(digest)
    return [_sum(slot, by_slot[slot]) for slot in sorted(by_slot)]


def _sum(slot: int, parts: Sequence[RoundDigest]) -> RoundDigest:
    if len(parts) == 1:
        return parts[0]._replace(slot=slot)
    heard = [part for part in parts if part.answered]
    return RoundDigest(
        slot,
        sum(part.sum_s for part in heard),
        min((part.min_s for part in heard), default=0.0),
        max((part.max_s for part in heard), default=0.0),
        sum(part.rounds for part in parts),
        sum(part.answered for part in parts),
        sum(part.lost for part in parts),
        tuple(map(sum, zip(*(part.by_class for part in parts), strict=True))),
    )
