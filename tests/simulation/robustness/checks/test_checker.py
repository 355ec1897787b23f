"""A checker that cannot fail is worth nothing: for each guarantee, a violation in a hand-made history is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.robustness.checks.checker import check
from tests.simulation.robustness.history import Entry, Record
from tests.simulation.robustness.schedule import CONDUCTORS, DATABASES, MONITORS, SIDE_PROCESSES, schedule

Lines = list[Entry]

RUN = {
    "t": 0.0,
    "kind": "run",
    "scenario": "random",
    "seed": 1,
    "database": "sqlite",
    "minutes": 1,
    "interval_s": 2.0,
    "contact_within_s": 3.0,
    "lease_s": 9.0,
    "longest_fault_s": 5.0,
}
EXTERNAL, PROBED, PASSING, WATCHED = "external", "probed", "passing", "watched"


def line(kind: str, t: float = 50.0, **fields: Any) -> Entry:  # noqa: ANN401 - any field of a line
    return {"t": t, "kind": kind, "began": t - 0.01, **fields}


def change(  # noqa: PLR0917 - as a table reads
    revision: int,
    vim: str,
    event: str,
    status: str,
    previous: str,
    reason: str = "",
    **fields: Any,  # noqa: ANN401 - as above
) -> Entry:
    known = {"action": "a1", "stopped": ""}
    return {
        "revision": revision,
        "vim": vim,
        "event": event,
        "status": status,
        "previous": previous,
        "reason": reason,
        **known,
        **fields,
    }


def report(observation: int, outcome: str, t: float, **fields: Any) -> Entry:  # noqa: ANN401 - as above
    known = {"vim": EXTERNAL, "action": "a1", "observation": observation, "status": "REACHABLE", "newest": 0}
    return line("report", t, **{**known, "outcome": outcome, **fields})


CHANGES = [
    change(1, PROBED, "REGISTERED", "PENDING", "STATUS_UNSPECIFIED"),
    change(2, EXTERNAL, "REGISTERED", "PENDING", "STATUS_UNSPECIFIED"),
    change(3, PROBED, "STATUS_CHANGED", "REACHABLE", "PENDING"),
    change(4, EXTERNAL, "STATUS_CHANGED", "REACHABLE", "PENDING", "R1"),
    change(5, EXTERNAL, "REASON_CHANGED", "REACHABLE", "REACHABLE", "R2"),
    change(6, PASSING, "REGISTERED", "PENDING", "STATUS_UNSPECIFIED"),
    change(7, PASSING, "DEREGISTERED", "PENDING", "PENDING"),
    change(8, EXTERNAL, "MODIFIED", "PENDING", "REACHABLE", action="a2", stopped="a1"),
    change(9, EXTERNAL, "STATUS_CHANGED", "REACHABLE", "PENDING", "R4", action="a2"),
]


def good() -> Lines:
    """A short run in which everything went as it should."""
    return [
        RUN,
        line("vim", 1, vim=PROBED, engine="EMBEDDED", address="127.1.0.1", truth="up"),
        line("vim", 1, vim=EXTERNAL, engine="EXTERNAL", address="", truth=""),
        *(line("event", 10.0 + one["revision"], watcher="w", **one) for one in CHANGES),
        *(line("log", 90, **one) for one in reversed(CHANGES)),
        report(1, "recorded", 14),
        report(2, "recorded", 15),
        report(1, "late", 15.5, newest=2),
        line("read", 16, vim=EXTERNAL, status="REACHABLE", reason="R2"),
        line("retarget", 18, vim=EXTERNAL, old="a1", new="a2", outcome="OK"),
        report(3, "bad_action", 18.5),
        report(4, "recorded", 19, action="a2"),
        line("registered", 16, vim=PASSING, name="p"),
        line("deregistered", 17, vim=PASSING, outcome="OK", doubtful=False),
        line("gone-read", 17.1, vim=PASSING, outcome="NOT_FOUND/VIM_NOT_FOUND"),
        line("gone-report", 17.2, vim=PASSING, outcome="bad_action"),
        line("call", 20, who="c", call="UpdateVim", code="UNAVAILABLE"),
        line("listing", 30, statuses={PROBED: "REACHABLE", EXTERNAL: "REACHABLE"}),
        line("calm", 60),
        line("agreed", 65),
        line("watch", 66, watcher="w", ended="UNAVAILABLE", next=10),
        line("final", 80, vim=PROBED, status="REACHABLE", reason="", action="a1"),
        line("final", 80, vim=EXTERNAL, status="REACHABLE", reason="R4", action="a2"),
    ]


def of(lines: Lines, kind: str, **fields: object) -> Entry:
    """Return the first line that looks like this."""
    return next(one for one in lines if one["kind"] == kind and fields.items() <= one.items())


def without(kind: str, **fields: object) -> Callable[[Lines], Lines]:
    return lambda lines: [one for one in lines if one is not of(lines, kind, **fields)]


def altered(kind: str, found: dict[str, object], **fields: object) -> Callable[[Lines], Lines]:
    return lambda lines: [{**one, **fields} if one is of(lines, kind, **found) else one for one in lines]


def added(*more: Entry) -> Callable[[Lines], Lines]:
    return lambda lines: [*lines, *more]


def logged(*more: Entry) -> Callable[[Lines], Lines]:
    return added(*(line("log", 90, **one) for one in more), *(line("event", 30, watcher="w", **one) for one in more))


def swapped(lines: Lines) -> Lines:
    """Show the watcher revision 4 before revision 3."""
    events = [one for one in lines if one["kind"] == "event"]
    order = [*events[:2], events[3], events[2], *events[4:]]
    return [*(one for one in lines if one["kind"] != "event"), *order]


BAD: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "an event that a watcher missed": (without("event", revision=5), "G8 lost"),
    "the last event, missed": (without("event", revision=9), "G8 lost"),
    "an event shown twice": (added(line("event", 31, watcher="w", **CHANGES[4])), "G8 duplicated"),
    "events out of order": (swapped, "G8 reordered"),
    "an event that differs": (altered("event", {"revision": 5}, reason="R9"), "G8 altered"),
    "an event that never was": (without("log", revision=9), "G8 invented"),
    "a hole in the log": (without("log", revision=5), "G8 log"),
    "a change out of nothing": (altered("log", {"revision": 5}, previous="UNKNOWN"), "G8 chain"),
    "a watch that may not be resumed": (
        altered("watch", {}, ended="OUT_OF_RANGE/REVISION_UNKNOWN"),
        "G8 ended",
    ),
    "a change by an action that is not wanted": (altered("log", {"revision": 9}, action="a1"), "G1 fence"),
    "a report of an old action that was taken": (altered("report", {"observation": 3}, outcome="recorded"), "G1 fence"),
    "an answered report without an event": (
        added(report(5, "recorded", 21, action="a2")),
        "G2 answered-report-missing",
    ),
    "an answered report that a reader misses": (altered("read", {}, reason="R1"), "G2 answered-report-missing"),
    "an answered report that is not there in the end": (
        altered("final", {"vim": EXTERNAL}, reason="R2"),
        "G2 answered-report-missing",
    ),
    "silence that is read before the lease has ended": (
        altered("read", {}, status="UNKNOWN", reason="SILENT"),
        "G2 answered-report-missing",
    ),
    "a report recorded twice": (
        logged(change(10, EXTERNAL, "REASON_CHANGED", "REACHABLE", "REACHABLE", "R4", action="a2")),
        "G2 recorded-twice",
    ),
    "a report that nobody made": (
        logged(change(10, EXTERNAL, "REASON_CHANGED", "REACHABLE", "REACHABLE", "R7", action="a2")),
        "G2 never-sent",
    ),
    "bad_action for the wanted action": (altered("report", {"observation": 2}, outcome="bad_action"), "G3 bad-action"),
    "bad_action before anybody changed the target": (altered("retarget", {}, began=40.0), "G3 bad-action"),
    "a report on a VIM that is gone": (altered("gone-report", {}, outcome="recorded"), "G4 deregistered"),
    "an old report over a newer one": (
        logged(change(10, EXTERNAL, "REASON_CHANGED", "REACHABLE", "REACHABLE", "R3", action="a2")),
        "G5 late-report-won",
    ),
    "a new report called late": (altered("report", {"observation": 4}, outcome="late", newest=4), "G5 not-late"),
    "a status that outlives the truth": (
        added(
            line("switch", 25, addresses=["127.1.0.1"], up=False),
            line("listing", 70, statuses={PROBED: "REACHABLE"}),
        ),
        "G6 stale",
    ),
    "a status that outlives its lease": (
        added(
            line("fault", 26, number=1, fault="monitors-away", victim="monitors", for_s=25),
            line("listing", 48, statuses={PROBED: "REACHABLE"}),
            line("healed", 51, number=1),
        ),
        "G6 outlived",
    ),
    "a verdict that was never true": (
        logged(change(10, PROBED, "STATUS_CHANGED", "UNREACHABLE", "REACHABLE", "TIMEOUT")),
        "G12 false-verdict",
    ),
    "recovery that takes too long": (altered("agreed", {}, t=75.0), "G10 recovery"),
    "no recovery": (added(line("disagreed", 120, wrong=["x reads UNKNOWN"])), "G10 recovery"),
    "a VIM that vanished": (without("final", vim=PROBED), "G9 vanished"),
    "a VIM that nobody registered": (
        added(line("final", 80, vim="other", status="PENDING", reason="", action="a")),
        "G9 phantom",
    ),
    "a registration told twice": (
        logged(change(10, PASSING, "REGISTERED", "PENDING", "STATUS_UNSPECIFIED")),
        "G9 registered",
    ),
    "a VIM that is read after it has gone": (altered("gone-read", {}, outcome="OK"), "G9 deregistered"),
    "an error that the contract does not know": (altered("call", {}, code="INTERNAL/INTERNAL"), "contract error"),
    "a caller that hangs": (added(line("hung", 99, who="c")), "contract hung"),
}


def found_in(lines: Lines) -> set[str]:
    return {f"{violation.guarantee} {violation.rule}" for violation in check(Record(lines))}


def test_nothing_is_found_in_a_good_history() -> None:
    assert found_in(good()) == set()


@pytest.mark.parametrize("name", BAD)
def test_what_was_broken_is_found(name: str) -> None:
    spoil, violation = BAD[name]
    assert violation in found_in(spoil(good()))


def test_a_report_of_an_old_action_may_follow_the_change_at_the_same_instant() -> None:
    lines = altered("report", {"observation": 3}, outcome="recorded", began=18)(good())
    assert "G1 fence" in found_in(lines)


@pytest.mark.parametrize(("read_at", "violations"), [(89.0, set()), (91.0, {"G8 invented"})])
def test_a_watcher_may_be_shown_what_happens_while_the_log_is_read(read_at: float, violations: set[str]) -> None:
    silence = change(10, PROBED, "STATUS_CHANGED", "UNKNOWN", "REACHABLE", "SILENT")
    assert found_in([*good(), line("log-read", read_at), line("event", 90, watcher="w", **silence)]) == violations


@pytest.mark.parametrize(
    ("fault", "violations"),
    [
        (line("fault", 48, number=1, fault="restart", victim="conductor-1", for_s=3), set()),
        (line("fault", 40, number=1, fault="restart", victim="conductor-1", for_s=3), {"G8 ended"}),
        (line("fault", 67, number=1, fault="restart", victim="conductor-1", for_s=3), {"G8 ended"}),
        (line("fault", 60, number=1, fault="kill", victim="conductor-1", for_s=3), {"G8 ended"}),
    ],
    ids=["asked to stop", "stopped long ago", "stopped later", "killed"],
)
def test_only_a_conductor_that_was_asked_to_stop_may_abort_a_watch(fault: Entry, violations: set[str]) -> None:
    lines = altered("watch", {}, ended="CANCELLED")(good())

    assert found_in([*lines, fault]) == violations


def test_silence_after_the_lease_is_no_lost_report() -> None:
    silent = line("read", 40, vim=EXTERNAL, status="UNKNOWN", reason="SILENT")
    assert found_in([*good(), silent]) == set()


def test_the_same_report_again_may_end_a_silence() -> None:
    silence = change(10, EXTERNAL, "STATUS_CHANGED", "UNKNOWN", "REACHABLE", "SILENT", action="a2")
    again = change(11, EXTERNAL, "STATUS_CHANGED", "REACHABLE", "UNKNOWN", "R4", action="a2")
    assert found_in(logged(silence, again)(good())) == set()


def test_a_reading_that_took_long_may_be_of_its_begin_or_of_its_end() -> None:
    off = line("switch", 15, addresses=["127.1.0.1"], up=False)
    on = line("switch", 69, addresses=["127.1.0.1"], up=True)
    read = line("listing", 70, statuses={PROBED: "REACHABLE"}) | {"began": 60.0}
    assert "G6 stale" not in found_in([*good(), off, on, read])


def test_a_status_may_be_wrong_until_the_lease_has_ended() -> None:
    off = line("switch", 25, addresses=["127.1.0.1"], up=False)
    read = line("listing", 40, statuses={PROBED: "REACHABLE"})
    assert "G6 stale" not in found_in([*good(), off, read])


@pytest.mark.parametrize(
    ("scenario", "spoil", "violation"),
    [
        ("kill", [], "contract failed-call"),
        ("dark", [line("dark", 9, count=1)], "G8 dark"),
        ("away", [line("returned", 20), line("reported", 40)], "G10 recovery"),
        (
            "away",
            [line("unfinished", 40, what="x reads UNKNOWN"), line("returned", 1), line("reported", 2)],
            "G10 recovery",
        ),
    ],
)
def test_what_a_scenario_promises_is_looked_at(scenario: str, spoil: Lines, violation: str) -> None:
    lines = [{**RUN, "scenario": scenario}, *good()[1:], *spoil]
    assert violation in found_in(lines)


UPGRADED = [
    line("load", 5),
    *(line("upgraded", 20, victim=name, is_new=True) for name in (*CONDUCTORS, *MONITORS, *SIDE_PROCESSES)),
    line("plan", 70, steps=[]),
    line("old-action-ended", 70, result="KILLED", why=""),
    line("receiver", 1, names=["watched"]),
    line("vim", 1, vim=WATCHED, name="watched", engine="TACKER", address="", truth=""),
    line("final", 80, vim=WATCHED, status="REACHABLE", reason="", action="a1"),
]
TROUBLE = (
    change(10, WATCHED, "STATUS_CHANGED", "UNREACHABLE", "PENDING", "TIMEOUT"),
    change(11, WATCHED, "REASON_CHANGED", "UNREACHABLE", "UNREACHABLE", "REFUSED"),
    change(12, WATCHED, "STATUS_CHANGED", "REACHABLE", "UNREACHABLE"),
)


def arrival(number: int, *revisions: int) -> Entry:
    changes = [(WATCHED, revision, "STATUS_CHANGED") for revision in revisions]
    return line("arrival", 75, notification=f"n{number}", group="{}", changes=changes, confirmed=True)


NOTIFIED = [arrival(1, 10), arrival(2, 12), arrival(3, 13)]
"""The last one is of a change that came when the log had been read."""


@pytest.mark.parametrize(
    ("spoil", "violation"),
    [
        (added(line("call", 20, who="c", call="UpdateVim", code="UNAVAILABLE")), "contract failed-call"),
        (altered("upgraded", {}, is_new=False), "contract upgrade"),
        (without("upgraded", victim=MONITORS[1]), "contract upgrade"),
        (altered("plan", {}, steps=[{"what": "Replace conductors."}]), "contract plan"),
        (altered("listing", {}, statuses={PROBED: "UNKNOWN"}), "G10 unknown"),
        (logged(change(13, PROBED, "STATUS_CHANGED", "UNKNOWN", "REACHABLE", "SILENT")), "G10 unknown"),
        (altered("old-action-ended", {}, result="FAILED", why="MessagingTimeout"), "G4 bridge"),
        (without("arrival", notification="n1"), "G8 notified"),
        (altered("arrival", {"notification": "n1"}, changes=NOTIFIED[1]["changes"]), "G8 notified"),
        (added(arrival(4, 10)), "G8 notified"),
        (added(arrival(4, 11)), "G8 notified"),
        (altered("receiver", {}, names=["another"]), "contract notified"),
    ],
)
def test_an_upgrade_that_is_noticed_is_found(spoil: Callable[[Lines], Lines], violation: str) -> None:
    run = [{**RUN, "scenario": "upgrade"}, *good()[1:], *UPGRADED, *NOTIFIED]
    lines = logged(*TROUBLE)(without("call")(run))
    assert found_in(lines) == set()
    assert violation in found_in(spoil(lines))


def test_a_replaced_action_is_found_when_all_conductors_were_away() -> None:
    replaced = change(10, PROBED, "ACTION_REPLACED", "UNKNOWN", "REACHABLE", action="b", stopped="a1")
    lines = logged(replaced)([{**RUN, "scenario": "away"}, *good()[1:], line("returned", 1), line("reported", 2)])
    assert "G10 replaced" in found_in(lines)


@pytest.mark.parametrize("database", DATABASES)
def test_a_seed_replays_its_faults(database: str) -> None:
    assert schedule(7, database, 600) == schedule(7, database, 600) != schedule(8, database, 600)


@pytest.mark.parametrize("database", DATABASES)
def test_faults_never_meet_at_one_victim(database: str) -> None:
    plan = schedule(7, database, 6000)
    assert len({planned.kind for planned in plan}) > 8
    for one in plan:
        active = [other for other in plan if other.number < one.number and other.until_s > one.at_s]
        assert len(active) <= 1
        assert one.victim not in {other.victim for other in active}
