"""What must hold of the scenarios that do one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.robustness.check_hostile import check_hostile
from tests.robustness.history import Record
from tests.robustness.schedule import GALERA
from tests.robustness.violations import Violation

_WITHOUT_LOSS = ("kill", "rolling")


def check_scenario(record: Record) -> Iterator[Violation]:
    scenario = record.one("run")["scenario"]
    if scenario in _WITHOUT_LOSS:
        yield from _no_call_failed(record)
    if scenario == "dark":
        yield from _each_told_once(record)
    if scenario == "away":
        yield from _back_within_a_contact(record)
    if scenario == "hostile":
        yield from check_hostile(record)
    if scenario == GALERA:
        yield from _no_round_failed(record)
    for left in record.of("unfinished"):
        yield Violation("G10", "recovery", left["what"])


def _no_call_failed(record: Record) -> Iterator[Violation]:
    for call in record.of("call"):
        if call["code"] != "OK":
            yield Violation("contract", "failed-call", f"{call['call']} at {call['t']:.2f} ended with {call['code']}")


def _no_round_failed(record: Record) -> Iterator[Violation]:
    """Nothing is broken while they are played: whatever is said but what is right is a violation."""
    for played in record.of("round"):
        if played["outcome"] != "OK":
            guarantee = "G3" if played["outcome"] == "bad_action" else "contract"
            yield Violation(guarantee, "round", f"one at {played['t']:.2f} ended with {played['outcome']}")


def _each_told_once(record: Record) -> Iterator[Violation]:
    """Every watcher is told of every VIM that went dark, once."""
    since = record.one("dark")["t"]
    vims = {entry["vim"] for entry in record.of("vim")}
    told: dict[str, Counter[str]] = {}
    for event in record.of("event"):
        # A restless one may have been told of the change to REACHABLE late, but never of this one early.
        if event["status"] == "UNREACHABLE" and event["t"] >= since:
            told.setdefault(event["watcher"], Counter())[event["vim"]] += 1
    for watcher in {entry["watcher"] for entry in record.of("event")}:
        times = told.get(watcher, Counter())
        missed = len(vims - set(times))
        twice = sum(count > 1 for count in times.values())
        if missed or twice:
            yield Violation("G8", "dark", f"{watcher} was not told of {missed} VIMs, and of {twice} more than once")


def _back_within_a_contact(record: Record) -> Iterator[Violation]:
    """No action was replaced, and each was heard within one contact of the return."""
    within_s = record.one("run")["contact_within_s"]
    for change in record.of("log"):
        if change["event"] == "ACTION_REPLACED":
            yield Violation("G10", "replaced", f"the action of {change['vim']} was replaced")
    after_s = record.one("reported")["t"] - record.one("returned")["t"]
    if after_s > within_s:
        yield Violation("G10", "recovery", f"all were heard {after_s:.1f} s after the return, not {within_s:g} s")
