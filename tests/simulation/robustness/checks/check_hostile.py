"""Checks G13: no VIM stalls the monitors, falsifies another VIM, or keeps news of one from people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Entry, Record

MOST_CPU = 0.5
"""Share of one core, for all monitors together."""
MOST_GROWTH_MIB = 8.0
"""Growth in the second half of a period, for all monitors together: memory for what is used first is taken before."""
_WATCHER = "watcher-1"


def check_hostile(record: Record) -> Iterator[Violation]:
    for period in record.of("hostile"):
        name = period["hostile"]
        for event in _neighbours_changed(record, period):
            text = f"{event['vim']} was called {event['status']} {event['reason']} beside {name}"
            yield Violation("G13", "neighbour", text)
        yield from _meters(name, period)
        wrong = {said: count for said, count in period["statuses"].items() if said not in period["expected"]}
        if wrong:
            yield Violation("G13", "verdict", f"{name} reads {wrong}, not {' or '.join(period['expected'])}")
        yield from _canary(record, name)


def _neighbours_changed(record: Record, period: Entry) -> list[Entry]:
    healthy = {entry["vim"] for entry in record.of("vim") if entry["truth"] == "up"}
    return [
        event
        for event in record.of("event")
        if event["watcher"] == _WATCHER and event["vim"] in healthy and period["began"] <= event["t"] <= period["t"]
    ]


def _meters(name: str, period: Entry) -> Iterator[Violation]:
    if period["restarted"]:
        yield Violation("G13", "restarted", f"a monitor was started again beside {name}")
        return
    if period["cpu_share"] > MOST_CPU:
        yield Violation("G13", "cpu", f"the monitors used {period['cpu_share']:.0%} of a core beside {name}")
    growth_mib = period["rss_last_mib"] - period["rss_middle_mib"]
    if growth_mib > MOST_GROWTH_MIB:
        yield Violation("G13", "memory", f"the monitors grew by {growth_mib:.0f} MiB beside {name}")


def _canary(record: Record, name: str) -> Iterator[Violation]:
    ends = [entry for entry in record.of("canary") if entry["beside"] == name]
    if not ends:
        yield Violation("G13", "canary", f"no canary ended beside {name}")
    for end in ends:
        if end["after_s"] is None or end["after_s"] > end["within_s"]:
            told = "not told" if end["after_s"] is None else f"told after {end['after_s']:.1f} s"
            yield Violation("G13", "canary", f"that a VIM had ended was {told} beside {name}, not {end['within_s']} s")


def by_kind(record: Record) -> dict[str, dict[str, Any]]:
    """Return the figures of each kind."""
    return {period["hostile"]: _figures(record, period) for period in record.of("hostile")}


def _figures(record: Record, period: Entry) -> dict[str, Any]:
    ends = [entry["after_s"] for entry in record.of("canary") if entry["beside"] == period["hostile"]]
    return {
        "lasted_s": round(period["t"] - period["began"], 1),
        "reads": period["statuses"],
        "neighbours_changed": len(_neighbours_changed(record, period)),
        "cpu_share": period["cpu_share"],
        "rss_first_mib": period["rss_first_mib"],
        "rss_last_mib": period["rss_last_mib"],
        "rss_middle_mib": period["rss_middle_mib"],
        "canary_ends": len(ends),
        "canary_slowest_s": None if None in ends else max(ends, default=None),
        "restarted": period["restarted"],
    }


def table_by_kind(kinds: dict[str, dict[str, Any]]) -> str:
    """Return the figures as a table in Markdown."""
    head = ("kind", "reads", "neighbours changed", "CPU of a core", "memory, MiB", "an end is told after")
    rows = [head, ("---",) * len(head), *(_row(name, figures) for name, figures in kinds.items())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    reads = ", ".join(f"{said} ({count})" for said, count in figures["reads"].items())
    slowest_s = figures["canary_slowest_s"]
    return (
        name,
        reads,
        str(figures["neighbours_changed"]),
        "restarted" if figures["restarted"] else f"{figures['cpu_share']:.0%}",
        " to ".join(f"{figures[f'rss_{when}_mib']:.0f}" for when in ("first", "middle", "last")),
        "never" if slowest_s is None else f"{slowest_s:.1f} s",
    )
