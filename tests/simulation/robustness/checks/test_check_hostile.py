"""Histories of hostile VIMs, made by hand: each violation must be found, and none in a good history."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulation.robustness.checks.check_hostile import by_kind, check_hostile, table_by_kind
from tests.simulation.robustness.history import Entry, Record

KIND, NEIGHBOUR = "blanks-and-nul", "neighbour"
PERIOD = {
    "t": 60.0,
    "kind": "hostile",
    "hostile": KIND,
    "expected": ["REACHABLE"],
    "began": 40.0,
    "statuses": {"REACHABLE": 20},
    "restarted": False,
    "cpu_share": 0.1,
    "rss_first_mib": 120.0,
    "rss_middle_mib": 130.0,
    "rss_last_mib": 131.0,
}
CANARY = {"t": 50.0, "kind": "canary", "beside": KIND, "after_s": 3.0, "within_s": 4.25}
VIM = {"t": 1.0, "kind": "vim", "vim": NEIGHBOUR, "engine": "EMBEDDED", "address": "127.1.0.1", "truth": "up"}


def event(t: float, vim: str = NEIGHBOUR, watcher: str = "watcher-1") -> Entry:
    said = {"status": "UNKNOWN", "previous": "REACHABLE", "reason": "SILENT"}
    return {"t": t, "kind": "event", "watcher": watcher, "revision": 9, "vim": vim, "event": "STATUS_CHANGED", **said}


def rules(*entries: Entry) -> set[str]:
    return {violation.rule for violation in check_hostile(Record([VIM, *entries]))}


def period(**fields: Any) -> Entry:  # noqa: ANN401 - any field of a line
    return {**PERIOD, **fields}


def test_nothing_is_found_in_a_good_history() -> None:
    assert rules(PERIOD, CANARY, event(30.0), event(50.0, vim="hostile")) == set()


@pytest.mark.parametrize(
    ("rule", "entries"),
    [
        ("neighbour", (PERIOD, CANARY, event(50.0))),
        ("restarted", (period(restarted=True), CANARY)),
        ("cpu", (period(cpu_share=0.51), CANARY)),
        ("memory", (period(rss_last_mib=138.5), CANARY)),
        ("verdict", (period(statuses={"REACHABLE": 19, "UNKNOWN SILENT": 1}), CANARY)),
        ("canary", (PERIOD,)),
        ("canary", (PERIOD, {**CANARY, "after_s": 4.3})),
        ("canary", (PERIOD, CANARY, {**CANARY, "after_s": None})),
    ],
)
def test_what_was_broken_is_found(rule: str, entries: tuple[Entry, ...]) -> None:
    assert rules(*entries) == {rule}


def test_the_table_has_a_row_for_each_kind() -> None:
    record = Record([VIM, PERIOD, CANARY, event(50.0)])

    table = table_by_kind(by_kind(record))

    assert table.splitlines()[2:] == [f"| {KIND} | REACHABLE (20) | 1 | 10% | 120 to 130 to 131 | 3.0 s |"]
