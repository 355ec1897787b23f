"""Works out in which order a fleet is upgraded to this release, from what its database tells of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vimesh.domain.fleet.process_announcements import FleetProcess, ProcessKind
from vimesh.domain.fleet.upgrade_phases import TABLES_FACT, Tables, UpgradePhase, UpgradeStep

NOT_SEEN: Final = (
    "fronts: Envoy does not announce itself",
    "processes that were not heard of for an hour, or never: conductors before tables of version 0010",
    "clients: commands, and programs that call the contract",
)
_OTHERS: Final = (
    ProcessKind.MONITOR,
    ProcessKind.EXECUTOR,
    ProcessKind.API,
    ProcessKind.BRIDGE,
    ProcessKind.NOTIFIER,
    ProcessKind.CONSOLE,
)
"""In the order in which they are replaced."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is seen of a fleet."""

    tables: Tables
    processes: Sequence[FleetProcess]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    what: str
    command: str = ""
    """What to type; empty: nothing that is the same everywhere."""
    where: tuple[str, ...] = ()
    """The processes that it is about, each as `HOST (PID)`."""


def plan_upgrade(survey: Survey, release: str, newest: str) -> list[PlannedStep]:
    """Return what is left to do, in order; nothing if all that is seen is of this release.

    `release`: the version of this vimesh; `newest`: that of the tables that it makes.
    """
    return list(_steps(survey, release, newest))


def _steps(survey: Survey, release: str, newest: str) -> Iterator[PlannedStep]:
    tables = survey.tables
    if tables.is_newer:
        yield PlannedStep("Use the plan of the newer release: it has expanded the tables, which this one can use.")
        return
    if tables.version is None:
        yield PlannedStep("Create the tables.", "vimesh db upgrade")
        return
    if tables.steps:
        yield PlannedStep("Back the database up, and keep a copy of the key file.", "vimesh db backup FILE")
    split = max((n for n, step in enumerate(tables.steps, 1) if step.phase is UpgradePhase.EXPAND), default=0)
    for step in tables.steps[:split]:
        yield _of_tables(step, tables)
    conductors = [one for one in _of_kind(survey, ProcessKind.CONDUCTOR) if not _is_current(one, release, newest)]
    if conductors:
        yield _replace(
            conductors, "Replace conductors, one at a time: stop one, start this release, wait until it serves."
        )
    if tables.steps or conductors:
        yield PlannedStep("Render the front's files anew, and replace fronts one at a time.", "vimesh envoy render")
    for kind in _OTHERS:
        if older := [one for one in _of_kind(survey, kind) if one.version != release]:
            yield _replace(older, f"Replace processes of the kind {kind}, one at a time.")
    for step in tables.steps[split:]:
        yield _of_tables(step, tables)


def _of_tables(step: UpgradeStep, tables: Tables) -> PlannedStep:
    what = f"{step.phase.capitalize()} the tables, to version {step.target}"
    if step.phase is UpgradePhase.CONTRACT:
        what += ", once no earlier conductor runs."
    elif tables.compatible_from is None:
        what += ": conductors that run go on, but those of releases before cannot be started again."
    else:
        what += ": conductors of the release before go on, and may be started again."
    return PlannedStep(what, f"vimesh db upgrade --phase {step.phase}")


def _of_kind(survey: Survey, kind: ProcessKind) -> Iterator[FleetProcess]:
    return (one for one in survey.processes if one.kind is kind)


def _is_current(conductor: FleetProcess, release: str, newest: str) -> bool:
    return conductor.version == release and conductor.facts.get(TABLES_FACT) == newest


def _replace(processes: Sequence[FleetProcess], what: str) -> PlannedStep:
    return PlannedStep(what, where=tuple(f"{one.host} ({one.pid})" for one in processes))
