"""How VIMs are divided among monitors: evenly by capacity, in the same way everywhere, and with little movement."""

from __future__ import annotations

import uuid
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimesh.domain.pool.assignment import NOBODY, Assignment, Member

_IDS = st.uuids(version=4).map(str)
_MEMBERS = st.lists(
    st.builds(Member, _IDS, st.integers(1, 1000)), min_size=2, max_size=8, unique_by=lambda one: one.monitor_id
)


def some_ids(count: int, seed: int) -> list[str]:
    random = Random(seed)
    return [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(count)]


@given(_MEMBERS, _IDS, st.randoms())
def test_it_does_not_depend_on_the_order_of_the_monitors(members: list[Member], vim_id: str, random: Random) -> None:
    """Each conductor comes to the same answer by itself."""
    shuffled = random.sample(members, len(members))

    assert Assignment(members).owner_of(vim_id) == Assignment(shuffled).owner_of(vim_id)
    assert Assignment(members).version == Assignment(shuffled).version


@given(_MEMBERS, st.lists(_IDS, min_size=1, max_size=50))
def test_a_monitor_that_goes_moves_only_its_own_vims(members: list[Member], vim_ids: list[str]) -> None:
    before, gone = Assignment(members), members[0].monitor_id
    after = Assignment(members[1:])

    for vim_id in vim_ids:
        if before.owner_of(vim_id) != gone:
            assert after.owner_of(vim_id) == before.owner_of(vim_id)
        else:
            assert after.owner_of(vim_id) in {each.monitor_id for each in members[1:]}


@given(_MEMBERS, st.lists(_IDS, min_size=1, max_size=50), st.integers(1, 1000))
def test_a_monitor_that_grows_only_takes(members: list[Member], vim_ids: list[str], more: int) -> None:
    grown = members[0]
    before = Assignment(members)
    after = Assignment([Member(grown.monitor_id, grown.capacity + more), *members[1:]])

    for vim_id in vim_ids:
        if after.owner_of(vim_id) != before.owner_of(vim_id):
            assert after.owner_of(vim_id) == grown.monitor_id


@given(_MEMBERS, st.lists(_IDS, min_size=1, max_size=50))
def test_a_draining_monitor_counts_as_gone(members: list[Member], vim_ids: list[str]) -> None:
    drained = [Member(members[0].monitor_id, members[0].capacity, draining=True), *members[1:]]

    assert Assignment(drained).version == Assignment(members[1:]).version
    assert [*map(Assignment(drained).owner_of, vim_ids)] == [*map(Assignment(members[1:]).owner_of, vim_ids)]


@given(_MEMBERS, st.lists(_IDS, min_size=1, max_size=50))
def test_if_all_drain_they_keep_their_vims(members: list[Member], vim_ids: list[str]) -> None:
    drained = [Member(each.monitor_id, each.capacity, draining=True) for each in members]

    assert [*map(Assignment(drained).owner_of, vim_ids)] == [*map(Assignment(members).owner_of, vim_ids)]


@given(st.lists(_IDS, max_size=5))
def test_a_single_monitor_has_all_and_nobody_has_none(vim_ids: list[str]) -> None:
    single = Assignment([Member("only")])

    assert {single.owner_of(vim_id) for vim_id in vim_ids} <= {"only"}
    assert {NOBODY.owner_of(vim_id) for vim_id in vim_ids} <= {""}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("capacities", [(1, 1, 1), (1, 2), (1, 1, 1, 1, 1, 1, 1, 1), (3, 10, 100)])
def test_vims_are_divided_by_capacity(capacities: tuple[int, ...], seed: int) -> None:
    ids = some_ids(len(capacities), seed)
    assignment = Assignment(map(Member, ids, capacities))

    counts = Counter(map(assignment.owner_of, some_ids(4000, seed + 100)))

    for monitor_id, capacity in zip(ids, capacities, strict=True):
        expected = 4000 * capacity / sum(capacities)
        # Five standard deviations of a binomial distribution, at most.
        assert abs(counts[monitor_id] - expected) < 5 * expected**0.5


def test_the_division_is_the_same_in_each_version() -> None:
    """Conductors of two releases must agree while a fleet is upgraded."""
    members = [Member(f"00000000-0000-4000-8000-00000000000{number}", number) for number in (1, 2, 3)]
    assignment = Assignment(members)

    owners = [assignment.owner_of(f"10000000-0000-4000-8000-00000000000{number}")[-1] for number in range(10)]

    assert (assignment.version, "".join(owners)) == ("878f5b7684458da7", "1332323123")


def test_who_comes_back_has_the_same_vims_by_another_division() -> None:
    ids = some_ids(3, seed=1)
    before = Assignment(map(Member, ids))
    after = Assignment([Member(ids[0], joined=1), *map(Member, ids[1:])])

    assert [*map(before.owner_of, some_ids(50, seed=2))] == [*map(after.owner_of, some_ids(50, seed=2))]
    assert before.version != after.version


@given(_MEMBERS, st.lists(_IDS, min_size=1, max_size=20))
def test_an_owner_is_remembered_as_it_was_found(members: list[Member], vim_ids: list[str]) -> None:
    assignment = Assignment(members)
    first = [*map(assignment.owner_of, vim_ids)]

    assert [*map(assignment.owner_of, vim_ids)] == first == [*map(Assignment(members).owner_of, vim_ids)]
