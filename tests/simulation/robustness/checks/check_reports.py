"""Checks G1 to G5: what happened to each report, and to each VIM that only its caller reports on."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Entry, Record

_SLACK_S = 1.0


def check_reports(record: Record) -> Iterator[Violation]:
    external = {entry["vim"] for entry in record.of("vim") if entry["engine"] == "EXTERNAL"}
    log = sorted((e for e in record.of("log") if e["vim"] in external), key=lambda entry: int(entry["revision"]))
    by_vim: dict[str, list[Entry]] = {vim: [] for vim in external}
    for report in record.of("report"):
        by_vim.setdefault(report["vim"], []).append(report)
    retargets: dict[str, list[Entry]] = {}
    for one in record.of("retarget"):
        retargets.setdefault(one["vim"], []).append(one)
    events: dict[str, list[Entry]] = {}
    for event in log:
        events.setdefault(event["vim"], []).append(event)
    for vim, reports in by_vim.items():
        yield from _bad_actions(vim, reports, retargets.get(vim, []), events.get(vim, []))
        yield from _fence(vim, reports, retargets.get(vim, []))
        yield from _on_record(vim, reports, events.get(vim, []))
        yield from _late(vim, reports)
    yield from _reads(record, by_vim)
    yield from check_last_reports(record)


def _bad_actions(vim: str, reports: list[Entry], retargets: list[Entry], log: list[Entry]) -> Iterator[Violation]:
    stopped = {event["stopped"] for event in log if event["stopped"]}
    for report in reports:
        if report["outcome"] != "bad_action":
            continue
        asked_for = any(one["began"] <= report["t"] for one in retargets)
        if report["action"] not in stopped or not asked_for:
            text = f"{vim}: report {report['observation']} of the wanted action was answered bad_action"
            yield Violation("G3", "bad-action", text)


def _fence(vim: str, reports: list[Entry], retargets: list[Entry]) -> Iterator[Violation]:
    swapped = {one["old"]: one["t"] for one in retargets if one["new"] not in ("", one["old"])}
    for report in reports:
        since = swapped.get(report["action"])
        if since is not None and report["began"] >= since and report["outcome"] in ("recorded", "late"):
            text = (
                f"{vim}: report {report['observation']} of an action that was replaced before was {report['outcome']}"
            )
            yield Violation("G1", "fence", text)


def _on_record(vim: str, reports: list[Entry], log: list[Entry]) -> Iterator[Violation]:
    told = [event for event in log if event["event"] in ("STATUS_CHANGED", "REASON_CHANGED") and _number(event)]
    times = Counter(_number(event) for event in told)
    for report in {(r["observation"]): r for r in reports if r["outcome"] == "recorded"}.values():
        number = report["observation"]
        if not times[number]:
            text = f"{vim}: report {number} was answered, and is not on record"
            yield Violation("G2", "answered-report-missing", text)
    sent = {report["observation"] for report in reports}
    for number in times:
        if number not in sent:
            yield Violation("G2", "never-sent", f"{vim}: report {number} is on record and was never made")
    # A repeat of the same report ends a silence: that is a change of its own.
    spoken = [event for event in log if event["event"] in ("STATUS_CHANGED", "REASON_CHANGED")]
    for earlier, later in itertools.pairwise(spoken):
        if _number(later) is not None and _number(later) == _number(earlier):
            yield Violation("G2", "recorded-twice", f"{vim}: report {_number(later)} is on record twice")
    numbers = [_number(event) or 0 for event in told]
    for before, after in itertools.pairwise(numbers):
        if after < before:
            yield Violation("G5", "late-report-won", f"{vim}: report {after} is on record after {before}")


def _late(vim: str, reports: list[Entry]) -> Iterator[Violation]:
    """An answer `late` must name a newer report than the one that it answers, and one that was sent."""
    for report in reports:
        if report["outcome"] != "late":
            continue
        newer = [one for one in reports if one["observation"] == report["newest"] and one["began"] <= report["t"]]
        if report["newest"] <= report["observation"] or not newer:
            text = f"{vim}: report {report['observation']} was called late, by a report {report['newest']}"
            yield Violation("G5", "not-late", text)


def _reads(record: Record, by_vim: dict[str, list[Entry]]) -> Iterator[Violation]:
    """After an answer, a caller reads no older state than the answer had, at any conductor, while the lease lasts."""
    lease_s = record.one("run")["lease_s"]
    # A change of the target whose answer was lost may take effect at any time.
    doubtful = {one["vim"] for one in record.of("retarget") if not one["new"]}
    for read in record.of("read"):
        if read["vim"] in doubtful:
            continue
        answered = [r for r in by_vim.get(read["vim"], []) if r["outcome"] == "recorded" and r["t"] <= read["began"]]
        if not answered:
            continue
        newest = max(answered, key=lambda report: int(report["observation"]))
        number = _number(read)
        silent = read["reason"] == "SILENT" and read["t"] > newest["began"] + lease_s - _SLACK_S
        if not silent and (number is None or number < newest["observation"]):
            said = f"{read['status']} {read['reason']}"
            text = f"{read['vim']}: read {said} after report {newest['observation']} was answered"
            yield Violation("G2", "answered-report-missing", text)


def check_last_reports(record: Record) -> Iterator[Violation]:
    """In the end, each VIM that its caller reports on reads as in the last answered report."""
    by_vim: dict[str, list[Entry]] = {}
    for one in record.of("report"):
        by_vim.setdefault(one["vim"], []).append(one)
    finals = {entry["vim"]: entry for entry in record.of("final")}
    for vim, reports in by_vim.items():
        answered = [report for report in reports if report["outcome"] == "recorded"]
        if not finals or not answered:
            continue
        last = max(answered, key=lambda report: int(report["observation"]))
        final = finals.get(vim)
        said = None if final is None else (final["status"], final["reason"])
        if said != (last["status"], f"R{last['observation']}"):
            text = (
                f"{vim}: reads {said} in the end; the last answered report was {last['status']} {last['observation']}"
            )
            yield Violation("G2", "answered-report-missing", text)


def _number(entry: Entry) -> int | None:
    reason: str = entry["reason"]
    return int(reason[1:]) if reason.startswith("R") and reason[1:].isdigit() else None
