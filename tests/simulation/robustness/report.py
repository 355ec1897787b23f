"""Writes the figures of a run, as a table and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.simulation.robustness.checks.check_statuses import stale_reads
from tests.simulation.robustness.checks.check_watches import lost_and_found
from tests.simulation.robustness.checks.violations import Violation, counts, shown
from tests.simulation.robustness.history import Entry, Record
from tests.simulation.robustness.load.watchers import ANOTHER_LOG


def figures(record: Record, violations: Sequence[Violation]) -> dict[str, Any]:
    run = record.one("run")
    calls = record.of("call")
    found = counts(violations)
    outcomes = Counter(report["outcome"] for report in record.of("report"))
    durations = sorted(call["t"] - call["began"] for call in calls)
    return {
        **{key: run[key] for key in ("scenario", "seed", "database", "minutes")},
        "lasted_s": round(_last(record) - run["t"], 1),
        "faults": len(record.of("fault")),
        "faults_by_kind": dict(Counter(entry["fault"] for entry in record.of("fault"))),
        "processes_ended": sum(" ended " in entry["what"] for entry in record.of("process")),
        "vims": len(record.of("vim")),
        "rounds": len(record.of("round")),
        "calls": len(calls),
        "calls_failed": sum(not _fine(call) for call in calls),
        "failed_by_code": dict(Counter(call["code"] for call in calls if not _fine(call))),
        "call_p50_s": _quantile(durations, 0.5),
        "call_p99_s": _quantile(durations, 0.99),
        "call_longest_s": _quantile(durations, 1.0),
        "reports_answered": outcomes["recorded"] + outcomes["late"],
        "answered_missing": found.get("G2 answered-report-missing", 0),
        "bad_action": outcomes["bad_action"],
        "bad_action_false": found.get("G3 bad-action", 0),
        "events": lost_and_found(record),
        "watches_ended": dict(Counter(entry["ended"] for entry in record.of("watch"))),
        "actions_replaced": sum(entry["event"] == "ACTION_REPLACED" for entry in record.of("log")),
        "false_verdicts": found.get("G12 false-verdict", 0),
        "longest_stale_s": round(max((wrong_s for wrong_s, *_ in stale_reads(record)), default=0.0), 1),
        "right_after_s": _right_after(record),
        **_restores(record),
        "violations": found,
    }


def _restores(record: Record) -> dict[str, Any]:
    if not record.of("restored"):
        return {}
    return {
        "restores": len(record.of("restored")),
        "backup_bytes": max(entry["size_bytes"] for entry in record.of("backup")),
        "backup_longest_s": round(max(entry["t"] - entry["began"] for entry in record.of("backup")), 1),
        "restore_longest_s": round(max(entry["t"] - entry["began"] for entry in record.of("restored")), 1),
        "snapshots_after_restores": sum(entry["ended"] == ANOTHER_LOG for entry in record.of("watch")),
    }


def _fine(call: Entry) -> bool:
    return str(call["code"]) == "OK" or str(call["code"]).startswith("NOT_FOUND/")


def _last(record: Record) -> float:
    return max(float(record.of(kind)[-1]["t"]) for kind in ("run", "call", "event") if record.of(kind))


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3) if ordered else None


def _right_after(record: Record) -> float | None:
    """Return how long after the last fault all statuses were true."""
    for begin, end in (("calm", "agreed"), ("returned", "reported"), ("dark", "seen-dark")):
        if record.of(begin) and record.of(end):
            return round(float(record.one(end)["t"]) - float(record.one(begin)["t"]), 1)
    return None


def table(found: dict[str, Any]) -> str:
    rows = [(name, _text(value)) for name, value in found.items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.replace('_', ' '):<{width}}  {text}" for name, text in rows)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items()) or "none"
    return "-" if value is None else str(value)


def write(folder: Path, found: dict[str, Any], violations: Sequence[Violation]) -> None:
    """Write report.json and violations.txt next to the history."""
    (folder / "report.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    lines = "".join(f"{line}\n" for line in map(str, violations))
    (folder / "violations.txt").write_text(lines, encoding="utf-8")


def verdict(violations: Sequence[Violation]) -> str:
    if not violations:
        return "No guarantee was broken."
    return "\n".join((f"{len(violations)} violations, the first of each rule:", *shown(violations)))
