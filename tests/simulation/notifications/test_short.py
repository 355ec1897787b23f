"""G19: the short form of the long run, `python -m tests.simulation.notifications`, and of its judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.notifications.dark import judge_arrivals, judge_subjects
from tests.simulation.notifications.judgement import expected_of, expected_until_end, judge
from tests.simulation.notifications.moody_receiver import Arrival, TakenChange
from tests.simulation.notifications.run import ENDING, MAIL, Order, run
from vimesh.v1.vim_pb2 import Vim, VimEvent


def arrival(*changes: tuple[str, int], name: str = "n", group: str = "g", confirmed: bool = True) -> Arrival:
    return Arrival(
        name, group, tuple(TakenChange(vim_id, revision, "PROBLEM") for vim_id, revision in changes), confirmed
    )


def event(
    revision: int, status: Vim.Status.ValueType, kind: VimEvent.Kind.ValueType = VimEvent.STATUS_CHANGED
) -> VimEvent:
    return VimEvent(vim_id="a", revision=revision, status=status, kind=kind)


@pytest.mark.fleet
@pytest.mark.timeout(240)
async def test_a_fleet_that_loses_notifiers_and_conductors_delivers_each_change_in_order(tmp_path: Path) -> None:
    order = Order(19, changes=400, vims=40, per_s=20.0, kill_every_s=(2.0, 5.0), folder=tmp_path, ends_after=2)
    result = await run(order)

    assert result.faults == []
    assert sum(result.kills.values()) >= 3
    least = {"calm": 400, "moody": 400, "binary": 400, MAIL: 20, ENDING: 1}
    assert {name: judgement.expected >= least[name] for name, judgement in result.judgements.items()} == dict.fromkeys(
        least, True
    )
    for name in ("moody", MAIL):
        assert result.judgements[name].repeats > 0
        assert result.attempts[name] > result.judgements[name].notifications
    assert 0 < result.firing < order.vims


def test_only_problems_and_their_ends_are_expected() -> None:
    events = [
        event(1, Vim.PENDING, VimEvent.REGISTERED),
        event(2, Vim.REACHABLE),
        event(3, Vim.UNREACHABLE),
        event(4, Vim.UNREACHABLE, VimEvent.REASON_CHANGED),
        event(5, Vim.UNKNOWN),
        event(6, Vim.REACHABLE),
    ]

    assert expected_of(events) == {"a": [3, 5, 6]}


def test_what_was_under_way_may_come_again() -> None:
    crashed = [arrival(("a", 1)), arrival(("a", 1)), arrival(("a", 1), ("a", 2), ("b", 3))]
    cut = [arrival(("a", 1), confirmed=False), arrival(("b", 3)), arrival(("a", 1), ("a", 2))]

    # The next notifier begins with another group.
    other_first = [arrival(("a", 1)), arrival(("b", 3), group="h"), arrival(("a", 1), ("a", 2))]
    # What follows the end of a problem has another reason.
    other_group = [arrival(("a", 1), ("a", 2), ("b", 3)), arrival(("a", 1)), arrival(("a", 2), group="h")]
    in_parts = [arrival(("a", 1), ("b", 3)), arrival(("a", 1)), arrival(("b", 3)), arrival(("a", 2))]

    for arrivals, repeats, notifications in (
        *((crashed, 2, 2), (cut, 1, 3), (other_first, 1, 3)),
        *((other_group, 2, 1), (in_parts, 2, 2)),
    ):
        judgement = judge({"a": [1, 2], "b": [3]}, arrivals)
        assert (judgement.faults, judgement.repeats, judgement.notifications) == ((), repeats, notifications)


@pytest.mark.parametrize(
    ("arrivals", "fault"),
    [
        ([arrival(("a", 1))], "1 of 2 changes never arrived"),
        ([arrival(("a", 2)), arrival(("a", 1))], "out of order"),
        ([arrival(("a", 1)), arrival(("a", 2)), arrival(("a", 1), name="late")], "late repeats 1 changes"),
        ([arrival(("a", 1), ("a", 2), ("a", 7))], "1 arrived that nobody should"),
    ],
)
def test_the_judge_sees_each_fault(arrivals: list[Arrival], fault: str) -> None:
    judgement = judge({"a": [1, 2]}, arrivals)

    assert any(fault in each for each in judgement.faults)


def test_of_a_receiver_that_ends_only_what_came_before_is_expected() -> None:
    expected = {"a": [1, 4, 9], "b": [2], "c": [3]}
    arrivals = [arrival(("a", 1)), arrival(("a", 4), ("b", 2))]

    assert expected_until_end(expected, arrivals) == {"a": [1, 4], "b": [2]}


LOST = Arrival("n", "g", (TakenChange("a", 1, "PROBLEM"), TakenChange("b", 2, "PROBLEM")))
BACK = Arrival("m", "g", (TakenChange("a", 3, "RESOLVED"), TakenChange("b", 4, "RESOLVED")))


@pytest.mark.parametrize(
    ("arrivals", "faults"),
    [
        ([LOST, BACK], []),
        ([LOST], ["r: 1 missing of RESOLVED of 2 VIMs"]),
        ([LOST, LOST, BACK], ["r: 1 too many of PROBLEM of 2 VIMs"]),
        (
            [LOST, Arrival("x", "g", BACK.changes[:1]), Arrival("y", "g", BACK.changes[1:])],
            ["r: 1 missing of RESOLVED of 2 VIMs", *["r: 1 too many of RESOLVED of 1 VIMs"] * 2],
        ),
    ],
)
def test_one_notification_for_a_group_that_is_lost_and_one_when_it_is_back(
    arrivals: list[Arrival], faults: list[str]
) -> None:
    assert judge_arrivals("r", arrivals, [frozenset("ab")]) == faults


def test_one_mail_for_a_group_that_is_lost_and_one_when_it_is_back() -> None:
    lost, back = (f"2 VIMs changed: 2 {what} (reason TIMEOUT)" for what in ("with a problem", "resolved"))

    assert not judge_subjects([lost, back], {"TIMEOUT": frozenset("ab")})
    for wrong in ([lost], [lost, lost, back], [lost, back, "a is UNREACHABLE"]):
        assert judge_subjects(wrong, {"TIMEOUT": frozenset("ab")})
