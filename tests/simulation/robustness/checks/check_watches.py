"""Checks G8: each change has one event with one revision; watchers see each once, in order, and can resume."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Entry, Record

CONTENT = ("vim", "event", "status", "previous", "reason", "action", "stopped")
MAY_END = {
    "OK",
    "LEFT",
    "UNAVAILABLE",
    "UNAVAILABLE/EVENT_UNREADABLE",
    "UNAVAILABLE/STORE_UNAVAILABLE",
    "RESOURCE_EXHAUSTED/OVERLOADED",
    "INTERNAL",
}
"""Codes with which a watch may end by the contract: INTERNAL only without a reason, from Envoy for a broken stream."""
_ABORTED = "CANCELLED"
"""The contract has it for calls that a conductor could not end in time when it was asked to stop, and for no others."""
_STOPS_WITHIN_S = 20.0
"""A conductor drains for 1.5 s, and then leaves its calls 15 s."""


def check_watches(record: Record) -> Iterator[Violation]:
    log = {entry["revision"]: entry for entry in record.of("log")}
    newest = max(log, default=0)
    # While the log is read, its newest changes first, leases still end, and watchers learn of that.
    read_at = min((entry["t"] for entry in record.of("log-read")), default=math.inf)
    for name, events in _by_watcher(record).items():
        yield from _sequence(name, events, newest)
        for event in events:
            on_record = log.get(event["revision"])
            if on_record is None and event["revision"] > newest and event["t"] >= read_at:
                continue
            if log and on_record is None:
                yield Violation(
                    "G8", "invented", f"{name} was shown revision {event['revision']}, which is not on record"
                )
            elif on_record is not None and any(event[key] != on_record[key] for key in CONTENT):
                yield Violation("G8", "altered", f"{name} was shown revision {event['revision']} with other content")
    stops = [fault["t"] for fault in record.of("fault") if fault["fault"] == "restart"]
    for ended in record.of("watch"):
        if ended["ended"] == _ABORTED and any(0 <= ended["t"] - stop <= _STOPS_WITHIN_S for stop in stops):
            continue
        if ended["ended"] not in MAY_END:
            yield Violation("G8", "ended", f"{ended['watcher']} ended with {ended['ended']} before {ended['next']}")


def check_log(record: Record) -> Iterator[Violation]:
    """The log itself has no gap, and each change starts from the state that the previous one left."""
    log = sorted(record.of("log"), key=lambda entry: int(entry["revision"]))
    status: dict[str, str] = {}
    action: dict[str, str] = {}
    previous = log[0]["revision"] - 1 if log else 0
    for entry in log:
        if entry["revision"] != previous + 1:
            yield Violation("G8", "log", f"revision {entry['revision']} follows {previous} in the log")
        previous = entry["revision"]
        vim = entry["vim"]
        if vim in status and entry["event"] != "REGISTERED" and entry["previous"] != status[vim]:
            text = (
                f"revision {previous} of {vim} begins with {entry['previous']}, but the one before left {status[vim]}"
            )
            yield Violation("G8", "chain", text)
        if vim in action and entry["action"] != action[vim] and entry["stopped"] != action[vim]:
            text = f"revision {previous} of {vim} is of action {entry['action']}, but {action[vim]} was wanted"
            yield Violation("G1", "fence", text)
        status[vim], action[vim] = entry["status"], entry["action"]


def lost_and_found(record: Record) -> dict[str, int]:
    """Count the changes that all watchers together should have seen, saw, missed, saw twice, and saw out of order."""
    newest = max((entry["revision"] for entry in record.of("log")), default=0)
    last_log = record.of("event")[-1].get("log") if record.of("event") else None
    total = dict.fromkeys(("expected", "seen", "lost", "duplicated", "reordered"), 0)
    for (_, log), events in _by_watcher_and_log(record).items():
        revisions = [event["revision"] for event in events]
        expected = max(newest if log == last_log else 0, *revisions) - min(revisions) + 1
        total["expected"] += expected
        total["seen"] += len(revisions)
        total["lost"] += expected - len(set(revisions))
        total["duplicated"] += len(revisions) - len(set(revisions))
        total["reordered"] += sum(later < earlier for earlier, later in itertools.pairwise(revisions))
    return total


def _by_watcher(record: Record) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for event in record.of("event"):
        found.setdefault(event["watcher"], []).append(event)
    return found


def _by_watcher_and_log(record: Record) -> dict[tuple[str, str | None], list[Entry]]:
    found: dict[tuple[str, str | None], list[Entry]] = {}
    for event in record.of("event"):
        found.setdefault((event["watcher"], event.get("log")), []).append(event)
    return found


def _sequence(name: str, events: list[Entry], newest: int) -> Iterator[Violation]:
    seen: set[int] = set()
    highest = events[0]["revision"] - 1
    for event in events:
        revision = event["revision"]
        if revision in seen:
            yield Violation("G8", "duplicated", f"{name} was shown revision {revision} twice")
        elif revision < highest:
            yield Violation("G8", "reordered", f"{name} was shown revision {revision} after {highest}")
        seen.add(revision)
        highest = max(highest, revision)
    missed = set(range(events[0]["revision"], newest + 1)) - seen
    if missed:
        text = f"{name} was never shown {len(missed)} revisions, the first of them {min(missed)}, of {newest} in all"
        yield Violation("G8", "lost", text)
