"""Checks G8 for a receiver: notified of every change on record at least once, and in order."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.notifications.judgement import expected_of, judge
from tests.simulation.notifications.moody_receiver import Arrival, TakenChange
from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Entry, Record
from vimesh.v1.vim_pb2 import Vim, VimEvent


def check_notified(record: Record) -> Iterator[Violation]:
    names = record.one("receiver")["names"]
    wanted = {entry["vim"] for entry in record.of("vim") if entry.get("name") in names}
    log = sorted(record.of("log"), key=lambda entry: int(entry["revision"]))
    expected = expected_of(_event(entry) for entry in log if entry["vim"] in wanted)
    newest = max((int(entry["revision"]) for entry in log), default=0)
    arrivals = [found for entry in record.of("arrival") if (found := _arrival(entry, newest)).changes]
    if not expected:
        yield Violation("contract", "notified", "nothing happened of which the receiver should be notified")
    for fault in judge(expected, arrivals).faults:
        yield Violation("G8", "notified", fault)


def _event(entry: Entry) -> VimEvent:
    return VimEvent(
        vim_id=entry["vim"],
        revision=entry["revision"],
        kind=VimEvent.Kind.Value(entry["event"]),
        status=Vim.Status.Value(entry["status"]),
    )


def _arrival(entry: Entry, newest: int) -> Arrival:
    """Return an arrival without what happened after the log was read."""
    changes = tuple(TakenChange(vim, revision, kind) for vim, revision, kind in entry["changes"] if revision <= newest)
    return Arrival(entry["notification"], entry["group"], changes, entry["confirmed"])
