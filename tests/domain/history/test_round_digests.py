"""Digests of rounds: what they say of the rounds that they were made from."""

from __future__ import annotations

import struct
from array import array
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimesh.domain.history.round_digests import (
    CLASS_LIMITS_S,
    CLASSES,
    RECORD_BYTES,
    RoundDigest,
    digests_of,
    is_consistent,
    merged,
    record_of,
    records_of_volleys,
)

TRIPS = st.floats(0, 60, width=32)


def digest_of(round_trips: list[float], failed: int = 0, lost: int = 0, slot: int = 7) -> RoundDigest:
    [digest] = digests_of(record_of(slot, round_trips, failed, lost))
    return digest


@given(st.lists(TRIPS, max_size=200), st.integers(0, 100), st.integers(0, 1000))
def test_a_digest_says_what_the_rounds_were(round_trips: list[float], failed: int, lost: int) -> None:
    digest = digest_of(round_trips, failed, lost)

    assert (digest.slot, digest.rounds, digest.answered, digest.lost) == (
        7,
        len(round_trips) + failed,
        len(round_trips),
        lost,
    )
    assert (digest.min_s, digest.max_s) == (min(round_trips, default=0), max(round_trips, default=0))
    assert digest.sum_s == pytest.approx(sum(round_trips), rel=1e-6)
    up_to = list(accumulate(digest.by_class))
    assert up_to == [*(sum(trip <= limit for trip in round_trips) for limit in CLASS_LIMITS_S), len(round_trips)]
    assert is_consistent(record_of(7, round_trips, failed, lost))


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(TRIPS, min_size=n, max_size=n), min_size=1, max_size=8)))
def test_volleys_come_to_the_same_as_their_members_one_by_one(volleys: list[list[float]]) -> None:
    columns = list(zip(*volleys, strict=True))

    assert records_of_volleys(9, [array("f", times) for times in volleys]) == [
        record_of(9, column) for column in columns
    ]


def test_a_clock_that_stepped_back_makes_no_time_negative() -> None:
    assert digest_of([-0.04, 0.002])[1:4] == pytest.approx((0.002, 0, 0.002))
    [first, second] = records_of_volleys(9, [array("f", [-0.04, 0.5]), array("f", [0.002, 0.5])])
    assert next(digests_of(first)).min_s == 0
    assert next(digests_of(second)).min_s == 0.5


def test_counts_that_do_not_fit_stay_at_their_maximum() -> None:
    digest = digest_of([0.002] * 70_000, failed=10, lost=100_000)
    assert (digest.rounds, digest.answered, digest.lost, digest.by_class[1]) == (65535,) * 4


@given(st.lists(st.tuples(st.integers(0, 59), st.lists(TRIPS, max_size=5), st.integers(0, 3)), max_size=30))
def test_merged_digests_are_those_of_all_their_rounds(minutes: list[tuple[int, list[float], int]]) -> None:
    parts = [digest_of(trips, failed, failed, slot) for slot, trips, failed in minutes]

    whole = merged(parts, 10)

    for digest in whole:
        of_it = [(trips, failed) for slot, trips, failed in minutes if slot // 10 == digest.slot]
        every = digest_of([trip for trips, _ in of_it for trip in trips], *[sum(failed for _, failed in of_it)] * 2)
        assert digest[2:] == every[2:]
        assert digest.sum_s == pytest.approx(every.sum_s, rel=1e-5)
    assert {digest.slot for digest in whole} == {slot // 10 for slot, _, _ in minutes}


@pytest.mark.parametrize(
    "record",
    [
        b"x" * (RECORD_BYTES - 1),
        struct.pack(f"<I3f{3 + CLASSES}H", 1, float("nan"), 0, 0, 1, 1, 0, 1, *[0] * 7),
        struct.pack(f"<I3f{3 + CLASSES}H", 1, 0.1, float("nan"), 0.1, 1, 1, 0, 1, *[0] * 7),
        struct.pack(f"<I3f{3 + CLASSES}H", 1, 0.1, 0.1, float("inf"), 1, 1, 0, 1, *[0] * 7),
        struct.pack(f"<I3f{3 + CLASSES}H", 1, 0.3, 0.1, 0.2, 1, 1, 0, 1, *[0] * 7),
        struct.pack(f"<I3f{3 + CLASSES}H", 1, -0.1, -0.1, -0.1, 1, 1, 0, 1, *[0] * 7),
        struct.pack(f"<I3f{3 + CLASSES}H", 1, 0.1, 0.1, 0.1, 0, 1, 0, 1, *[0] * 7),
        struct.pack(f"<I3f{3 + CLASSES}H", 1, 0.1, 0.1, 0.1, 1, 1, 0, 1, 1, *[0] * 6),
    ],
)
def test_records_that_say_something_impossible_are_recognized(record: bytes) -> None:
    assert not is_consistent(record)
