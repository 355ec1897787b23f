"""What a restored backup must not do is found in a hand-made history."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulation.robustness.checks.test_checker import (
    EXTERNAL,
    PROBED,
    RUN,
    Lines,
    added,
    altered,
    change,
    found_in,
    line,
    report,
    without,
)
from tests.simulation.robustness.load.watchers import ANOTHER_LOG
from tests.simulation.robustness.schedule import BACKUP

BEFORE = [
    change(1, PROBED, "REGISTERED", "PENDING", "STATUS_UNSPECIFIED"),
    change(2, EXTERNAL, "REGISTERED", "PENDING", "STATUS_UNSPECIFIED"),
    change(3, EXTERNAL, "STATUS_CHANGED", "REACHABLE", "PENDING", "R1"),
]
LOST = [
    change(4, EXTERNAL, "REASON_CHANGED", "REACHABLE", "REACHABLE", "R2"),
    change(5, "late", "REGISTERED", "PENDING", "STATUS_UNSPECIFIED"),
]
AFTER = [
    change(4, PROBED, "STATUS_CHANGED", "UNREACHABLE", "PENDING"),
    change(5, EXTERNAL, "REASON_CHANGED", "REACHABLE", "REACHABLE", "R3"),
    change(6, PROBED, "STATUS_CHANGED", "REACHABLE", "UNREACHABLE"),
]


def good() -> Lines:
    """A run in which a backup was restored, and the log grew past what the watcher had seen."""
    return [
        {**RUN, "scenario": BACKUP},
        line("vim", 1, vim=PROBED, engine="EMBEDDED", address="127.1.0.1", truth="up"),
        line("vim", 1, vim=EXTERNAL, engine="EXTERNAL", address="", truth=""),
        report(1, "recorded", 13),
        *(line("event", 10.0 + one["revision"], watcher="w", log="A", **one) for one in (*BEFORE, *LOST)),
        line("backup", 14, size_bytes=1),
        report(2, "recorded", 15),
        line("restored", 20),
        line("watch", 30, watcher="w", ended=ANOTHER_LOG, next=6),
        report(3, "recorded", 30),
        line(
            "snapshot",
            31,
            watcher="w",
            log="B",
            begins=True,
            revision=5,
            statuses={PROBED: "UNREACHABLE", EXTERNAL: "REACHABLE"},
        ),
        line("event", 36, watcher="w", log="B", **AFTER[2]),
        *(line("log", 90, **one) for one in (*BEFORE, *AFTER)),
        line("final", 80, vim=PROBED, status="REACHABLE", reason="", action="a1"),
        line("final", 80, vim=EXTERNAL, status="REACHABLE", reason="R3", action="a1"),
    ]


def without_snapshot(lines: Lines) -> Lines:
    """Let the watcher go on as if nothing had happened, and see what it has not seen of the other log."""
    return [one for one in lines if one["kind"] not in {"snapshot", "watch"}]


BAD: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "a watcher that goes on in another log": (
        lambda lines: [*without_snapshot(lines), line("watch", 40, watcher="w", ended="UNAVAILABLE", next=6)],
        "G8 another-log",
    ),
    "a watcher that is not told of another log with the same id": (
        lambda lines: [
            *({**one, "log": "A"} if "log" in one else one for one in without_snapshot(lines)),
            line("watch", 40, watcher="w", ended="UNAVAILABLE", next=6),
        ],
        "G8 untrue-end",
    ),
    "a snapshot with a VIM that is gone": (
        altered("snapshot", {}, statuses={PROBED: "UNREACHABLE", EXTERNAL: "REACHABLE", "late": "PENDING"}),
        "G8 untrue-end",
    ),
    "a change that the watcher missed": (without("event", log="B"), "G8 lost"),
    "a change of the new log that differs": (altered("event", {"log": "B"}, reason="R9"), "G8 altered"),
    "a change shown twice": (added(line("event", 37, watcher="w", log="B", **AFTER[2])), "G8 sequence"),
    "a watcher that is told of another log without a restore": (
        added(line("watch", 50, watcher="w", ended=ANOTHER_LOG, next=7)),
        "G8 ended",
    ),
    "a watch that ends as it may not": (added(line("watch", 50, watcher="w", ended="NOT_FOUND", next=7)), "G8 ended"),
    "a report before the backup that is gone": (
        altered("log", {"revision": 3}, reason="other"),
        "G2 answered-report-missing",
    ),
    "a report after the restore that is gone": (
        altered("log", {"revision": 5}, reason="other"),
        "G2 answered-report-missing",
    ),
    "a report after the backup that is still there": (altered("log", {"revision": 5}, reason="R2"), "G2 not-restored"),
    "a last report that is not read in the end": (
        altered("final", {"vim": EXTERNAL}, reason="R1"),
        "G2 answered-report-missing",
    ),
    "a VIM that the backup does not have": (
        added(line("final", 80, vim="late", status="PENDING", reason="", action="a")),
        "G9 phantom",
    ),
    "a VIM that stays wrong": (added(line("unfinished", 60, what="x reads UNKNOWN")), "G10 recovery"),
}


def test_nothing_is_found_when_all_is_as_it_should_be() -> None:
    assert found_in(good()) == set()


@pytest.mark.parametrize("name", BAD)
def test_what_a_restore_broke_is_found(name: str) -> None:
    spoil, violation = BAD[name]
    assert violation in found_in(spoil(good()))
