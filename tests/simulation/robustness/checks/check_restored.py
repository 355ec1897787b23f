"""Checks runs in which backups are restored: what is there again, what is gone, and what watchers know then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from tests.simulation.robustness.checks.check_reports import check_last_reports
from tests.simulation.robustness.checks.check_watches import CONTENT, MAY_END
from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Entry, Record
from tests.simulation.robustness.load.watchers import ANOTHER_LOG


def check_restored_reports(record: Record) -> Iterator[Violation]:
    """A backup has what was answered before it, and nothing that was reported after it; later reports count again."""
    on_record = {(entry["vim"], entry["reason"]) for entry in record.of("log")}
    restores = [*zip(record.of("backup"), record.of("restored"), strict=False)]
    for report in record.of("report"):
        if report["outcome"] != "recorded":
            continue
        is_on_record = (report["vim"], f"R{report['observation']}") in on_record
        lost = [copy for copy, restored in restores if copy["began"] < report["t"] and report["began"] < restored["t"]]
        text = f"{report['vim']}: report {report['observation']}, answered at {report['t']:.2f},"
        if not lost and not is_on_record:
            yield Violation("G2", "answered-report-missing", f"{text} is not on record")
        if is_on_record and any(copy["t"] < report["began"] for copy in lost):
            yield Violation("G2", "not-restored", f"{text} is on record, and the backup is older")
    yield from check_last_reports(record)


def check_restored_watches(record: Record) -> Iterator[Violation]:
    """No watcher takes one log for another one, and each ends with what is true."""
    for name in sorted({entry["watcher"] for entry in record.of("watch")}):
        watch = _Watch(name)
        lines = (*record.of("snapshot"), *record.of("event"))
        for line in sorted((line for line in lines if line["watcher"] == name), key=lambda line: float(line["t"])):
            yield from watch.take(line)
        yield from watch.end(record)
    restores = len(record.of("restored"))
    ends = Counter((entry["watcher"], entry["ended"]) for entry in record.of("watch"))
    for (name, ended), count in ends.items():
        if ended not in MAY_END and ended != ANOTHER_LOG:
            yield Violation("G8", "ended", f"{name} ended with {ended}")
        if ended == ANOTHER_LOG and count > restores:
            yield Violation("G8", "ended", f"{name} was told {count} times of another log, after {restores} restores")


class _Watch:
    """What a watcher knows after each message."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._log = ""
        self._revision = 0
        self._statuses: dict[str, str] = {}
        self._shown: list[Entry] = []
        """The changes of the log that it watches now."""

    def take(self, line: Entry) -> Iterator[Violation]:
        if line["kind"] == "snapshot":
            if line["begins"]:
                self._statuses, self._shown, self._revision = {}, [], 0
            self._statuses |= line["statuses"]
            self._log, self._revision = line["log"], line["revision"] or self._revision
            return
        revision, log = line["revision"], line["log"]
        if self._log and log != self._log:
            yield Violation("G8", "another-log", f"{self._name} went on with revision {revision} of another log")
        elif self._revision and revision != self._revision + 1:
            yield Violation("G8", "sequence", f"{self._name} was shown revision {revision} after {self._revision}")
        self._log, self._revision = log, revision
        self._shown.append(line)
        _change(self._statuses, line)

    def end(self, record: Record) -> Iterator[Violation]:
        log = {entry["revision"]: entry for entry in record.of("log")}
        newest = max(log, default=0)
        for event in self._shown:
            on_record = log.get(event["revision"])
            if event["revision"] <= newest and (
                on_record is None or any(event[key] != on_record[key] for key in CONTENT)
            ):
                text = f"{self._name} was shown revision {event['revision']}, which is not so on record"
                yield Violation("G8", "altered", text)
        if self._revision < newest:
            yield Violation("G8", "lost", f"{self._name} has seen revision {self._revision}, and there are {newest}")
        true = _statuses_after(log[revision] for revision in sorted(log))
        later = {event["vim"] for event in self._shown if event["revision"] > newest}
        for vim in (true.keys() | self._statuses.keys()) - later:
            if true.get(vim) != self._statuses.get(vim):
                text = f"{self._name} ends with {vim} {self._statuses.get(vim)}, which is {true.get(vim)}"
                yield Violation("G8", "untrue-end", text)


def _statuses_after(changes: Iterable[Entry]) -> dict[str, str]:
    statuses: dict[str, str] = {}
    for change in changes:
        _change(statuses, change)
    return statuses


def _change(statuses: dict[str, str], change: Entry) -> None:
    if change["event"] == "DEREGISTERED":
        statuses.pop(change["vim"], None)
    else:
        statuses[change["vim"]] = change["status"]
