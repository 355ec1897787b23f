"""Checks the scenarios that do one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.simulation.robustness.checks.check_hostile import check_hostile
from tests.simulation.robustness.checks.check_notified import check_notified
from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Record
from tests.simulation.robustness.schedule import CONDUCTORS, FAILOVER, GALERA, MONITORS, SIDE_PROCESSES, UPGRADE

_WITHOUT_LOSS = ("kill", "rolling", UPGRADE)
_OVERLOADED = "RESOURCE_EXHAUSTED/OVERLOADED"
_GOES_ON_S = {"switch": 5.0, "kill": 5.0, "stall": 12.0}
"""On a connection that hangs, a transaction takes 5 s, and a report may wait for two of them."""


def check_scenario(record: Record) -> Iterator[Violation]:
    scenario = record.one("run")["scenario"]
    if scenario in _WITHOUT_LOSS:
        yield from _no_call_failed(record)
    if scenario == UPGRADE:
        yield from _upgraded_unnoticed(record)
        yield from _ended_by_a_bridge(record)
        yield from check_notified(record)
    if scenario == "dark":
        yield from _each_told_once(record)
    if scenario == "away":
        yield from _back_within_a_contact(record)
    if scenario == "hostile":
        yield from check_hostile(record)
    if scenario == GALERA:
        yield from _no_round_failed(record)
    if scenario == FAILOVER:
        yield from _writes_go_on(record)
    for left in record.of("unfinished"):
        yield Violation("G10", "recovery", left["what"])


def _no_call_failed(record: Record) -> Iterator[Violation]:
    for call in record.of("call"):
        if call["code"] != "OK":
            yield Violation("contract", "failed-call", f"{call['call']} at {call['t']:.2f} ended with {call['code']}")


def _upgraded_unnoticed(record: Record) -> Iterator[Violation]:
    """Every process is of the other release in the end, no VIM had no status, and the plan has nothing left."""
    since = record.one("load")["t"]
    for event in record.of("event"):
        if event["status"] == "UNKNOWN":
            yield Violation("G10", "unknown", f"{event['vim']} became UNKNOWN, revision {event['revision']}")
    for listing in record.of("listing"):
        unknown = sum(status == "UNKNOWN" for status in listing["statuses"].values())
        if unknown and listing["t"] >= since:
            yield Violation("G10", "unknown", f"{unknown} VIMs read UNKNOWN at {listing['t']:.2f}")
    new = {entry["victim"] for entry in record.of("upgraded") if entry["is_new"]}
    for name in (*CONDUCTORS, *MONITORS, *SIDE_PROCESSES):
        if name not in new:
            yield Violation("contract", "upgrade", f"{name} was not replaced by the other release")
    for step in record.one("plan")["steps"]:
        yield Violation("contract", "plan", f"in the end, the plan still says: {step['what']}")


def _ended_by_a_bridge(record: Record) -> Iterator[Violation]:
    """The action in Tacker lived until its VIM was deregistered, and was killed then."""
    ended = record.one("old-action-ended")
    if ended["result"] != "KILLED":
        yield Violation("G4", "bridge", f"the old action ended with {ended['result']}: {ended['why']}")


def _no_round_failed(record: Record) -> Iterator[Violation]:
    """Nothing is broken while rounds are played: the only failure that a flood allows for is being refused."""
    for played in record.of("round"):
        if played["outcome"] not in ("OK", _OVERLOADED, f"flood {_OVERLOADED}"):
            guarantee = "G3" if played["outcome"] == "bad_action" else "contract"
            yield Violation(guarantee, "round", f"one at {played['t']:.2f} ended with {played['outcome']}")


def _writes_go_on(record: Record) -> Iterator[Violation]:
    """Every caller is answered soon after each fail-over."""
    answers: dict[str, list[float]] = {}
    for call in record.of("call"):
        if call["call"] == "UpdateVim" and call["code"] == "OK":
            answers.setdefault(call["who"], []).append(call["t"])
    for moved in record.of("moved"):
        for who, times in answers.items():
            limit_s = _GOES_ON_S[moved["way"]]
            if not any(moved["t"] < at <= moved["t"] + limit_s for at in times):
                what = f"{who} was not answered within {limit_s:g} s of fail-over {moved['number']}"
                yield Violation("G10", "failover", f"{what} ({moved['way']})")


def _each_told_once(record: Record) -> Iterator[Violation]:
    """Every watcher sees every VIM that went dark, once."""
    since = record.one("dark")["t"]
    vims = {entry["vim"] for entry in record.of("vim")}
    told: dict[str, Counter[str]] = {}
    for event in record.of("event"):
        # A restless watcher may see the change to REACHABLE late, but never this one early.
        if event["status"] == "UNREACHABLE" and event["t"] >= since:
            told.setdefault(event["watcher"], Counter())[event["vim"]] += 1
    for watcher in {entry["watcher"] for entry in record.of("event")}:
        times = told.get(watcher, Counter())
        missed = len(vims - set(times))
        twice = sum(count > 1 for count in times.values())
        if missed or twice:
            yield Violation("G8", "dark", f"{watcher} was not told of {missed} VIMs, and of {twice} more than once")


def _back_within_a_contact(record: Record) -> Iterator[Violation]:
    """No action was replaced, and each made contact within one contact interval of the return."""
    within_s = record.one("run")["contact_within_s"]
    for change in record.of("log"):
        if change["event"] == "ACTION_REPLACED":
            yield Violation("G10", "replaced", f"the action of {change['vim']} was replaced")
    after_s = record.one("reported")["t"] - record.one("returned")["t"]
    if after_s > within_s:
        yield Violation("G10", "recovery", f"all were heard {after_s:.1f} s after the return, not {within_s:g} s")
