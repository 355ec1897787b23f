"""What counts as a wrong change when many VIMs go dark."""

from __future__ import annotations

import pytest

from benchmarks.fleet.asking import Read
from benchmarks.fleet.darkness import Turn, turn
from benchmarks.fleet.watcher import Told

DARK = ("a", "b")


def told(vim_id: str, arrived_at: float, status: str = "UNREACHABLE") -> Told:
    return Told(arrived_at, vim_id, "STATUS_CHANGED", status, "")


def judged(*changes: Told) -> Turn:
    read = {
        vim: Read(vim, "", "UNREACHABLE", 0, status_at) for vim, status_at in (("a", 11.0), ("b", 12.0), ("c", 12.0))
    }
    return turn(DARK, "UNREACHABLE", 10, changes, read)


def test_each_dark_one_told_once_is_right() -> None:
    found = judged(told("a", 11.5), told("b", 12.25))

    assert found.wrong == 0
    assert found.last_after_s == 2.25
    assert found.last_delay_s == 0.25
    assert list(found.delays_s) == [0.5, 0.25]


@pytest.mark.parametrize(
    "excess",
    [told("c", 12), told("a", 13), told("a", 13, "REACHABLE"), told("c", 12, "UNKNOWN")],
    ids=["another one", "twice", "back again", "not known"],
)
def test_whatever_else_is_told_is_wrong(excess: Told) -> None:
    assert judged(told("a", 11.5), told("b", 12.25), excess).wrong == 1
