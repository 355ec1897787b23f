"""Checks G6, G7, G10 and G12: the statuses of VIMs that monitors probe, against what was really up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Entry, Record
from tests.simulation.robustness.schedule import LASTS_S

DETECT_S = 3.0
"""Maximum time that the probes of one round take to find an address silent."""
_SLACK_S = 5.0
_FAR = float("inf")
_SAYS_UP = {"REACHABLE": True, "UNREACHABLE": False}


class Truth:
    """When each address was up."""

    def __init__(self, record: Record) -> None:
        self._changes: dict[str, list[tuple[float, float, bool]]] = {}
        for switch in record.of("switch"):
            for address in switch["addresses"]:
                self._changes.setdefault(address, []).append((switch["began"], switch["t"], switch["up"]))

    def since(self, address: str, at: float) -> tuple[bool, float]:
        """Return whether the address was up at a time, and since when for certain. It is up until it is switched."""
        changes = self._changes.get(address, [])
        index = bisect_right([began for began, _, _ in changes], at)
        if not index:
            return True, -_FAR
        _, since, up = changes[index - 1]
        return up, since


def check_statuses(record: Record) -> Iterator[Violation]:
    truth = Truth(record)
    probed = {entry["vim"]: entry["address"] for entry in record.of("vim") if entry["engine"] == "EMBEDDED"}
    yield from _false_verdicts(record, truth, probed)
    yield from _stale(record, truth, probed)
    yield from _outlived(record)
    yield from _agreement(record)


def bound_s(record: Record) -> float:
    """Return how long a status may be wrong: a round, its reports, a fault on the way, and the lease."""
    run = record.one("run")
    return float(run["interval_s"] + DETECT_S + run["lease_s"] + run["longest_fault_s"] + _SLACK_S)


def _false_verdicts(record: Record, truth: Truth, probed: dict[str, str]) -> Iterator[Violation]:
    """Yield verdicts that were false throughout the period in which they could have been reached."""
    window_s = bound_s(record)
    for event in _first_shown(record):
        says = _SAYS_UP.get(event["status"])
        address = probed.get(event["vim"])
        if says is None or address is None or event["event"] != "STATUS_CHANGED":
            continue
        up, since = truth.since(address, event["t"])
        if up is not says and event["t"] - since > window_s:
            text = f"{address} was said to be {event['status']} ({event['reason']}) at {event['t']:.2f}, revision"
            yield Violation("G12", "false-verdict", f"{text} {event['revision']}")


def _first_shown(record: Record) -> list[Entry]:
    first: dict[int, Entry] = {}
    for event in record.of("event"):
        first.setdefault(event["revision"], event)
    return list(first.values())


def stale_reads(record: Record) -> Iterator[tuple[float, Entry, str, str]]:
    """Yield for how long each wrong status that was read had been wrong by then, at least."""
    truth = Truth(record)
    probed = {entry["vim"]: entry["address"] for entry in record.of("vim") if entry["engine"] == "EMBEDDED"}
    for listing in record.of("listing"):
        for vim, address in probed.items():
            says = _SAYS_UP.get(listing["statuses"].get(vim, ""))
            if says is None:
                continue
            # It may have been read at any time from `began` to `t`: a change in between excuses it.
            up, since = truth.since(address, listing["t"])
            if up is not says and since < listing["began"]:
                yield listing["began"] - max(since, record.one("run")["t"]), listing, address, listing["statuses"][vim]


def _stale(record: Record, truth: Truth, probed: dict[str, str]) -> Iterator[Violation]:  # noqa: ARG001 - one signature
    longest_s = bound_s(record)
    told: set[tuple[str, str]] = set()
    for wrong_s, listing, address, status in stale_reads(record):
        if wrong_s > longest_s and (address, status) not in told:
            told.add((address, status))
            text = (
                f"{address} read {status} at {listing['began']:.2f}, {wrong_s:.1f} s after that had ceased to be true"
            )
            yield Violation("G6", "stale", text)


def _outlived(record: Record) -> Iterator[Violation]:
    """Without monitors, the VIMs that they probed have no status once their leases have ended."""
    lease_s = record.one("run")["lease_s"]
    probed = [entry["vim"] for entry in record.of("vim") if entry["engine"] == "EMBEDDED"]
    healed = {entry["number"]: entry["t"] for entry in record.of("healed")}
    for fault in record.of("fault"):
        if fault["fault"] != "monitors-away":
            continue
        # A conductor that was paused may have accepted a report that much later.
        since, until = fault["t"] + lease_s + LASTS_S[1] + 1, healed.get(fault["number"], _FAR)
        for listing in record.of("listing"):
            claimed = [vim for vim in probed if listing["statuses"].get(vim) in _SAYS_UP]
            if claimed and since < listing["began"] and listing["t"] < until:
                text = f"{len(claimed)} VIMs had a status at {listing['t']:.2f}; the monitors left at {fault['t']:.2f}"
                yield Violation("G6", "outlived", text)


def _agreement(record: Record) -> Iterator[Violation]:
    """Within one interval and one lease after the last fault, all statuses are true."""
    if not record.of("calm"):
        return
    run, calm = record.one("run"), record.one("calm")
    within_s = run["interval_s"] + run["lease_s"] + DETECT_S
    for entry in record.of("agreed"):
        if entry["t"] - calm["t"] > within_s:
            text = f"all statuses were right {entry['t'] - calm['t']:.1f} s after the last fault, not {within_s:.1f} s"
            yield Violation("G10", "recovery", text)
    for entry in record.of("disagreed"):
        for wrong in entry["wrong"]:
            yield Violation("G10", "recovery", f"{wrong} {entry['t'] - calm['t']:.0f} s after the last fault")
