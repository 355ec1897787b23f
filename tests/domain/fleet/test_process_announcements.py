"""Which processes are shown, and which have been replaced by others."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from vimesh.domain.fleet.fleet_status import DatabaseFacts, FleetStatus, VimCount, WholeFleet
from vimesh.domain.fleet.process_announcements import MISSING_AFTER_S, FleetProcess, ProcessKind, present_processes
from vimesh.domain.vims import Engine, Status

NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
MONITOR, API, NOTIFIER = ProcessKind.MONITOR, ProcessKind.API, ProcessKind.NOTIFIER


def process(
    name: str, started_s: float, seen_s: float, *, kind: ProcessKind = MONITOR, host: str = "a"
) -> FleetProcess:
    """Return a process by how long ago it started, and was seen."""
    started, seen = (NOW - dt.timedelta(seconds=ago_s) for ago_s in (started_s, seen_s))
    return FleetProcess(name, kind, host, 7, "1.2", "", started, seen, 0.0, {})


def shown(*announced: FleetProcess) -> dict[str, bool]:
    """Return whether each process that is shown is missing."""
    return {one.process_id: one.missing for one in present_processes(announced, NOW)}


def test_a_process_is_missing_after_a_minute() -> None:
    living = process("living", 900, MISSING_AFTER_S)
    missing = process("missing", 900, MISSING_AFTER_S + 0.001)

    assert shown(living, missing) == {"living": False, "missing": True}


def test_an_executor_that_is_silent_may_have_ended_in_order() -> None:
    living = process("living", 900, MISSING_AFTER_S, kind=ProcessKind.EXECUTOR)
    silent = process("silent", 900, MISSING_AFTER_S + 1, kind=ProcessKind.EXECUTOR)

    assert shown(living, silent) == {"living": False}


def test_a_missing_process_is_replaced_by_the_next_that_starts_in_its_place() -> None:
    missing = process("missing", 900, 300)

    assert shown(missing, process("new", 290, 5)) == {"new": False}
    assert shown(missing, process("older", 310, 5)) == {"missing": True, "older": False}


@pytest.mark.parametrize("other", [process("other", 290, 5, kind=API), process("other", 290, 5, host="b")])
def test_a_process_of_another_kind_or_host_replaces_none(other: FleetProcess) -> None:
    assert shown(process("missing", 900, 300), other) == {"missing": True, "other": False}


def test_each_start_replaces_one() -> None:
    first, second = process("first", 900, 400), process("second", 900, 300)

    assert shown(first, second, process("new", 200, 5)) == {"second": True, "new": False}
    # The later start cannot have been for the one that was still seen after the earlier start.
    assert shown(first, second, process("early", 350, 5), process("late", 200, 5)) == {"early": False, "late": False}


def test_they_are_listed_by_kind_and_host() -> None:
    announced = [process("3", 9, 5, kind=API), process("2", 9, 5, host="b"), process("1", 9, 5, host="a")]

    assert [one.process_id for one in present_processes(announced, NOW)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("count", "reasons"),
    [
        (VimCount(Status.UNREACHABLE, Engine.EMBEDDED, unwatched=False, count=3), ["NO_MONITOR"]),
        (VimCount(Status.UNREACHABLE, Engine.MISTRAL, unwatched=False, count=3), []),
        (VimCount(Status.UNKNOWN, Engine.MISTRAL, unwatched=True, count=3), ["VIMS_UNWATCHED"]),
    ],
)
def test_what_is_wrong_depends_on_what_the_vims_need(count: VimCount, reasons: list[str]) -> None:
    whole = WholeFleet([], DatabaseFacts("SQLite", "3", 0.001), [])

    assert [trouble.reason for trouble in FleetStatus(NOW, [count], whole).troubles] == reasons


def test_a_slow_loop_and_a_slow_database_are_trouble() -> None:
    late = FleetProcess("1", MONITOR, "a", 7, "1.2", "", NOW, NOW, 1.5, {})
    status = FleetStatus(NOW, [], WholeFleet([late], DatabaseFacts("SQLite", "3", 1.5), []))

    assert [(trouble.reason, trouble.message) for trouble in status.troubles] == [
        ("LOOP_LATE", "monitor 7 on a was held up for 1.5 s"),
        ("DATABASE_SLOW", "the database takes 1.5 s to answer"),
    ]


@pytest.mark.parametrize(
    ("receivers", "processes", "reasons"),
    [
        (0, [], []),
        (1, [], ["NO_NOTIFIER"]),
        (1, [process("1", 9, 5, kind=NOTIFIER)], []),
        (
            1,
            [replace(process("1", 90, 80, kind=NOTIFIER), missing=True)],
            ["NO_NOTIFIER", "PROCESS_MISSING"],
        ),
        (1, [process("1", 9, 5, kind=API)], ["NO_NOTIFIER"]),
    ],
)
def test_receivers_need_a_notifier(receivers: int, processes: list[FleetProcess], reasons: list[str]) -> None:
    whole = WholeFleet(processes, DatabaseFacts("SQLite", "3", 0.001), [], receivers)

    assert sorted(trouble.reason for trouble in FleetStatus(NOW, [], whole).troubles) == reasons
