"""Digests of rounds: how many there were in a span of time, how many were answered, and how fast.

A digest is a record of RECORD_BYTES, in the monitor that makes it, on the wire and in the database: a fleet of 100,000
VIMs makes 1,700 a second, and nobody on the way needs to look into them. Layout, little-endian: the number of the span
since 1970 (uint32), then the counts of rounds, of answered rounds and of lost probes (uint16 each), the mean, the
shortest and the longest round trip in microseconds (uint32 each), and the counts of round trips by class (uint16 each).
A count that does not fit stays at its maximum.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

CLASS_LIMITS_S: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""The longest round trip of each class but the last, which has no limit."""
CLASSES: Final = len(CLASS_LIMITS_S) + 1
MINUTE_S: Final = 60

_RECORD: Final = struct.Struct(f"<IHHHIII{CLASSES}H")
RECORD_BYTES: Final = _RECORD.size
_MICROS: Final = 1_000_000
_MOST: Final = 0xFFFF
_NO_TRIPS: Final = (0,) * CLASSES

_pack, _iter_unpack = _RECORD.pack, _RECORD.iter_unpack


class RoundDigest(NamedTuple):
    """What the rounds of one VIM came to that ended in one span of time."""

    slot: int
    """Number of the span since 1970, by the clock of the database."""
    rounds: int
    """Rounds that decided something about the VIM: not those that a fault of the prober spoilt."""
    answered: int
    lost: int
    """Probes of these rounds without an answer in time; of an answered round, those before the answered one."""
    mean_us: int
    min_us: int
    max_us: int
    by_class: tuple[int, ...]
    """Counts of round trips: see CLASS_LIMITS_S."""


def record_of(slot: int, round_trips: Sequence[float], failed: int = 0, lost: int = 0) -> bytes:
    """Return the record of some rounds.

    `round_trips`: seconds, of the answered rounds; `failed`: number of other rounds; `lost`: number of lost probes.
    """
    answered = len(round_trips)
    if not answered:
        return _pack(slot, min(failed, _MOST), 0, min(lost, _MOST), 0, 0, 0, *_NO_TRIPS)
    shortest, longest = min(round_trips), max(round_trips)
    fastest = bisect_left(CLASS_LIMITS_S, shortest)
    if fastest == bisect_left(CLASS_LIMITS_S, longest) and answered + failed + lost <= _MOST:
        by_class = _in_one_class(fastest, answered)  # nearly always
    else:
        counts = [0] * CLASSES
        for round_trip in round_trips:
            counts[bisect_left(CLASS_LIMITS_S, round_trip)] += 1
        by_class = tuple(min(count, _MOST) for count in counts)
    return _pack(
        slot,
        min(answered + failed, _MOST),
        min(answered, _MOST),
        min(lost, _MOST),
        int(sum(round_trips) * _MICROS / answered + 0.5),
        int(shortest * _MICROS + 0.5),
        int(longest * _MICROS + 0.5),
        *by_class,
    )


@lru_cache(maxsize=4096)
def _in_one_class(place: int, count: int) -> tuple[int, ...]:
    return tuple(count if other == place else 0 for other in range(CLASSES))


def digests_of(records: bytes) -> Iterator[RoundDigest]:
    """Yield the digests of records one after the other."""
    for slot, rounds, answered, lost, mean_us, min_us, max_us, *by_class in _iter_unpack(records):
        yield RoundDigest(slot, rounds, answered, lost, mean_us, min_us, max_us, tuple(by_class))


def slots_of(records: bytes) -> list[int]:
    """Return the slot of each record."""
    return [fields[0] for fields in _iter_unpack(records)]


def records_of(digests: Iterable[RoundDigest]) -> bytes:
    """Return the records of digests; counts that do not fit stay at their maximum."""
    return b"".join(
        _pack(
            slot, *(min(count, _MOST) for count in counts), mean, low, high, *(min(count, _MOST) for count in classes)
        )
        for slot, *counts, mean, low, high, classes in digests
    )


def is_consistent(records: bytes) -> bool:
    """Return whether records from outside are whole, and say nothing impossible."""
    if len(records) % RECORD_BYTES:
        return False
    for _, rounds, answered, _, mean_us, min_us, max_us, *by_class in _iter_unpack(records):
        # The mean is rounded by itself.
        if answered > rounds or not min_us <= mean_us + 1 <= max_us + 2 or sum(by_class) != answered:
            return False
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
    answered = sum(part.answered for part in parts)
    return RoundDigest(
        slot,
        sum(part.rounds for part in parts),
        answered,
        sum(part.lost for part in parts),
        round(sum(part.mean_us * part.answered for part in heard) / answered) if answered else 0,
        min((part.min_us for part in heard), default=0),
        max((part.max_us for part in heard), default=0),
        tuple(map(sum, zip(*(part.by_class for part in parts), strict=True))),
    )
