"""When a monitor is told what it has gained and lost, by a clock of the test."""

from __future__ import annotations

import uuid

import pytest

from vimesh.conductor.pool.pool_share import PoolShare
from vimesh.domain.pool.assignment import Assignment, Member

_ME, _OTHER = (str(uuid.UUID(int=number, version=4)) for number in (1, 2))
_RELEASE_AFTER_S = 3.0
_VIMS = [str(uuid.UUID(int=number, version=4)) for number in range(60)]


class Division:
    """Whom the pool has, and what time it is."""

    def __init__(self, *monitors: str) -> None:
        self.now_s = 100.0
        self.become(*monitors)
        self.share = PoolShare(_ME, lambda: self.current, lambda: self.now_s, _RELEASE_AFTER_S)

    def become(self, *monitors: str) -> None:
        self.current = Assignment(map(Member, monitors))

    def move(self, *monitors: str) -> set[str]:
        """Divide anew; return what the monitor gains."""
        self.become(*monitors)
        return set(filter(self.share.move(), _VIMS))

    def release(self) -> set[str]:
        release = self.share.release()
        lost = set(filter(release.has_lost, _VIMS))
        self.share.settle(release)
        return lost

    def own(self) -> set[str]:
        return {vim_id for vim_id in _VIMS if self.share.owns(vim_id)}


def test_what_is_lost_is_kept_until_the_new_owner_has_begun() -> None:
    division = Division(_ME)
    before = division.own()
    assert division.move(_ME, _OTHER) == set()
    lost = before - division.own()

    assert (division.share.may_release(), division.share.due_in_s()) == (False, _RELEASE_AFTER_S)
    assert all(map(division.share.may_run, lost))
    division.now_s += _RELEASE_AFTER_S
    assert division.share.may_release()
    assert division.release() == lost
    assert division.share.is_settled
    assert not any(map(division.share.may_run, lost))


def test_what_was_lost_is_released_in_time_while_others_come_and_go() -> None:
    """As if a monitor died and was started again every two seconds."""
    division = Division(_ME)
    before = division.own()
    division.move(_ME, _OTHER)
    lost, released = before - division.own(), set[str]()
    for number in range(10, 110):
        division.now_s += _RELEASE_AFTER_S / 2
        if division.share.may_release():
            released |= division.release()
        third = str(uuid.UUID(int=number, version=4))
        division.move(*((_ME, _OTHER, third) if number % 2 else (_ME, _OTHER)))
        assert (number < 11) or released >= lost

    division.now_s += _RELEASE_AFTER_S
    division.release()
    assert division.share.is_settled


def test_a_division_that_comes_back_takes_nothing_away() -> None:
    division = Division(_ME, _OTHER)
    before = division.own()
    gained = division.move(_ME)
    assert gained == set(_VIMS) - before

    assert division.move(_ME, _OTHER) == set()
    assert not division.share.is_settled
    division.now_s += _RELEASE_AFTER_S

    assert division.release() == gained


@pytest.mark.parametrize(("count", "more_s"), [(100, 0.02), (50_000, 10.0)])
def test_many_vims_give_their_new_owner_more_time(count: int, more_s: float) -> None:
    division = Division(_ME)
    division.move(_ME, _OTHER)
    division.now_s += _RELEASE_AFTER_S

    assert division.share.postpone(division.share.release(), count)
    assert not division.share.may_release()
    assert division.share.due_in_s() == pytest.approx(more_s)
    division.now_s += more_s + 0.001
    assert not division.share.postpone(division.share.release(), count)
