from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vimesh.monitor.scheduling.timing_wheel import Timed, TimingWheel

TICK_S = 0.01


class Item(Timed):
    __slots__ = ()


def test_an_item_is_due_within_a_tick_and_never_before() -> None:
    wheel: TimingWheel[Item] = TimingWheel(TICK_S)
    item = Item()
    wheel.set(item, 5.0123)

    assert list(wheel.take_due(5.0122)) == []
    assert list(wheel.take_due(5.0223)) == [item]
    assert list(wheel.take_due(9)) == []


def test_what_is_overdue_when_it_is_set_comes_next() -> None:
    wheel: TimingWheel[Item] = TimingWheel(TICK_S)
    early, late = Item(), Item()
    wheel.set(early, 1)
    assert list(wheel.take_due(1)) == [early]

    wheel.set(late, 0.5)

    assert list(wheel.take_due(1 + TICK_S)) == [late]


def test_an_item_that_an_earlier_one_cancels_is_not_due() -> None:
    wheel: TimingWheel[Item] = TimingWheel(TICK_S)
    first, second = Item(), Item()
    wheel.set(first, 1)
    wheel.set(second, 1)

    taken = []
    for item in wheel.take_due(1):
        taken.append(item)
        wheel.cancel(second)

    assert taken == [first]


def test_an_empty_wheel_has_nothing_to_wake_up_for() -> None:
    assert TimingWheel[Item](TICK_S).next_due() is None


@given(
    settings=st.lists(st.tuples(st.integers(0, 9), st.floats(0, 10) | st.none()), max_size=60),
    pause=st.floats(0.05, 3),
)
def test_each_item_is_due_once_at_the_time_that_was_set_last(
    settings: list[tuple[int, float | None]], pause: float
) -> None:
    wheel: TimingWheel[Item] = TimingWheel(TICK_S)
    items = [Item() for _ in range(10)]
    expected: dict[int, float] = {}
    for index, when in settings:
        if when is None:
            wheel.cancel(items[index])
            expected.pop(index, None)
        else:
            wheel.set(items[index], when)
            expected[index] = when

    due: dict[int, float] = {}
    now = 0.0
    while now < 14:
        for item in wheel.take_due(now):
            assert items.index(item) not in due
            due[items.index(item)] = now
        now += pause

    assert due.keys() == expected.keys()
    for index, at in due.items():
        assert expected[index] - 1e-6 <= at <= expected[index] + TICK_S + pause + 1e-6
