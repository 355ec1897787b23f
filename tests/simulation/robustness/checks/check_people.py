"""Checks G4 and G9: each registered VIM exists once, and deregistered VIMs are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Record

_MAY_FAIL = {
    "OK",
    "UNAVAILABLE",
    "UNAVAILABLE/STORE_UNAVAILABLE",
    "RESOURCE_EXHAUSTED/OVERLOADED",
    "DEADLINE_EXCEEDED",
    "CANCELLED",
    "INTERNAL",
}
"""Codes with which calls may end while something is broken: INTERNAL only without a reason, from a broken connection;
CANCELLED from a conductor that was asked to stop, and could not end the call in time."""
_GONE = "NOT_FOUND/VIM_NOT_FOUND"


def check_people(record: Record) -> Iterator[Violation]:
    if record.of("log"):
        yield from _once_each(record)
    if record.of("final"):
        yield from _listed(record)
    for entry in record.of("deregistered"):
        if entry["outcome"] == _GONE and not entry["doubtful"]:
            yield Violation("G9", "vanished", f"{entry['vim']} was not found by the first call that deregisters it")
    for entry in record.of("gone-read"):
        if entry["outcome"] == "OK":
            yield Violation("G9", "deregistered", f"{entry['vim']} was read after it had been deregistered")
    for entry in record.of("gone-report"):
        if entry["outcome"] == "recorded":
            text = f"a report on {entry['vim']} was taken after it had been deregistered"
            yield Violation("G4", "deregistered", text)


def _once_each(record: Record) -> Iterator[Violation]:
    events = Counter((entry["vim"], entry["event"]) for entry in record.of("log"))
    for done, event in (("registered", "REGISTERED"), ("deregistered", "DEREGISTERED")):
        for entry in record.of(done):
            count = events[entry["vim"], event]
            if count != 1:
                yield Violation("G9", done, f"{entry['vim']} has {count} {event} events")


def _listed(record: Record) -> Iterator[Violation]:
    registered = {entry["vim"] for entry in (*record.of("vim"), *record.of("registered"))}
    wanted = registered - {entry["vim"] for entry in record.of("deregistered")}
    finals = {entry["vim"] for entry in record.of("final")}
    for vim in wanted - finals:
        yield Violation("G9", "vanished", f"{vim} is not listed in the end")
    for vim in finals - wanted:
        yield Violation("G9", "phantom", f"{vim} is listed in the end, and should not be")


def check_calls(record: Record) -> Iterator[Violation]:
    """A call may fail while something is broken, but only in ways that the contract allows."""
    for call in record.of("call"):
        code = call["code"]
        expected = code in _MAY_FAIL or (code == _GONE and call["call"] in ("GetVim", "DeregisterVim"))
        if not expected:
            yield Violation("contract", "error", f"{call['who']}: {call['call']} ended with {code} at {call['t']:.2f}")
    for hung in record.of("hung"):
        yield Violation("contract", "hung", f"{hung['who']} did not end in time")
