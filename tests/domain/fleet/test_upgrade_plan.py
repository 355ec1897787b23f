"""What is left to do for an upgrade, in order, for what is seen of a fleet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from vimesh.domain.fleet.process_announcements import FleetProcess, ProcessKind
from vimesh.domain.fleet.upgrade_phases import TABLES_FACT, Tables, UpgradePhase, UpgradeStep
from vimesh.domain.fleet.upgrade_plan import PlannedStep, Survey, plan_upgrade

RELEASE, NEWEST = "2.0.0", "0005"
EXPAND = UpgradeStep(UpgradePhase.EXPAND, ("0003", "0004"))
CONTRACT = UpgradeStep(UpgradePhase.CONTRACT, ("0005",))
THEN = dt.datetime(2031, 1, 5, tzinfo=dt.UTC)


def process(kind: ProcessKind, host: str, version: str = "1.0.0", tables: str = "") -> FleetProcess:
    facts = {TABLES_FACT: tables} if tables else {}
    return FleetProcess(host, kind, host, 7, version, "", THEN, THEN, 0.0, facts)


def plan(tables: Tables, *processes: FleetProcess) -> list[PlannedStep]:
    return plan_upgrade(Survey(tables, processes), RELEASE, NEWEST)


def commands(steps: Sequence[PlannedStep]) -> list[str]:
    return [step.command or ", ".join(step.where) for step in steps]


FLEET = [
    process(ProcessKind.MONITOR, "m"),
    process(ProcessKind.CONDUCTOR, "a", tables="0002"),
    process(ProcessKind.CONDUCTOR, "b", RELEASE, NEWEST),
    process(ProcessKind.API, "x", RELEASE),
    process(ProcessKind.NOTIFIER, "n"),
]


def test_tables_are_expanded_first_and_contracted_last() -> None:
    steps = plan(Tables("0002", "0001", steps=(EXPAND, CONTRACT)), *FLEET)

    assert commands(steps) == [
        "vimesh db backup FILE",
        "vimesh db upgrade --phase expand",
        "a (7)",
        "vimesh envoy render",
        "m (7)",
        "n (7)",
        "vimesh db upgrade --phase contract",
    ]
    assert "may be started again" in steps[1].what


def test_what_an_earlier_upgrade_has_left_comes_first() -> None:
    steps = plan(Tables("0002", "0001", steps=(CONTRACT, EXPAND)))

    assert commands(steps)[1:3] == ["vimesh db upgrade --phase contract", "vimesh db upgrade --phase expand"]


def test_conductors_before_compatible_tables_cannot_be_started_again() -> None:
    steps = plan(Tables("0002", None, steps=(EXPAND,)))

    assert "cannot be started again" in steps[1].what


def test_a_conductor_that_does_not_know_the_newest_tables_is_replaced() -> None:
    # Of the same number: as long as nothing was released.
    steps = plan(Tables(NEWEST, "0001"), process(ProcessKind.CONDUCTOR, "a", RELEASE, "0004"))

    assert commands(steps) == ["a (7)", "vimesh envoy render"]


def test_nothing_is_left_in_a_fleet_of_this_release() -> None:
    current = [process(ProcessKind.CONDUCTOR, "a", RELEASE, NEWEST), process(ProcessKind.MONITOR, "m", RELEASE)]

    assert plan(Tables(NEWEST, "0001"), *current) == []


def test_new_tables_are_created_and_newer_ones_left() -> None:
    assert commands(plan(Tables(None, None, steps=(EXPAND, CONTRACT)))) == ["vimesh db upgrade"]
    [step] = plan(Tables("0009", "0002", is_newer=True), *FLEET)
    assert "newer release" in step.what
