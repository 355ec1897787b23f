"""A migration that only expands the tables leaves earlier conductors what they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, inspect

from tests.support.sql.stores import sqlite_url
from vimesh.domain.fleet.upgrade_phases import OtherPhaseFirst, Tables, UpgradePhase, UpgradeStep, steps_to
from vimesh.store.upgrade.migrations_runner import config_for
from vimesh.store.upgrade.table_versions import CONTRACTING, needed, newest, phase_of

EXPAND, CONTRACT = UpgradePhase.EXPAND, UpgradePhase.CONTRACT


def shape(connection: Connection) -> dict[tuple[str, str], dict[str, Any]]:
    """Return each column by table and name."""
    found = inspect(connection)
    return {(table, each["name"]): dict(each) for table in found.get_table_names() for each in found.get_columns(table)}


def uniques(connection: Connection) -> set[tuple[str, tuple[str, ...]]]:
    found = inspect(connection)
    return {
        (table, tuple(each["column_names"]))
        for table in found.get_table_names()
        for each in found.get_unique_constraints(table)
    }


def versions() -> list[str]:
    return [f"{number:04}" for number in range(1, int(newest()) + 1)]


def differences(before: dict[tuple[str, str], dict[str, Any]], after: dict[tuple[str, str], dict[str, Any]]) -> str:
    """Return what an earlier conductor would stumble over; empty: nothing."""
    tables = {table for table, _ in before}
    for column, one in before.items():
        if column not in after:
            return f"{column} is gone"
        if str(one["type"]) != str(after[column]["type"]) or one["nullable"] != after[column]["nullable"]:
            return f"{column} is another one"
    for column in after.keys() - before.keys():
        # Earlier conductors insert rows without it.
        if column[0] in tables and not after[column]["nullable"] and after[column]["default"] is None:
            return f"{column} has no default"
    return ""


def test_migrations_that_expand_only_add(tmp_path: Path) -> None:
    engine = create_engine(sqlite_url(tmp_path / "vimesh.sqlite"))
    stumbles: dict[str, str] = {}
    with engine.begin() as connection:
        config = config_for(connection)
        for version in versions():
            before, keys = shape(connection), uniques(connection)
            command.upgrade(config, version)
            found = differences(before, shape(connection))
            tables = {table for table, _ in before}
            if new := {key for key in uniques(connection) - keys if key[0] in tables}:
                found = f"{new} must be unique now"
            if found:
                stumbles[version] = found
    engine.dispose()

    assert set(stumbles) <= CONTRACTING, stumbles
    # Those that are found are indeed what the phase says; 0006 changes what is in the rows.
    assert set(stumbles) == CONTRACTING - {"0006"}


def test_conductors_need_what_was_expanded_last() -> None:
    assert phase_of(needed()) is EXPAND
    assert all(phase_of(version) is CONTRACT for version in versions() if version > needed())


def tables(*phases: UpgradePhase) -> Tables:
    return Tables("0001", "0001", steps=steps_to((f"{n:04}", phase) for n, phase in enumerate(phases, 2)))


def test_versions_are_gathered_by_phase() -> None:
    assert tables(EXPAND, EXPAND, CONTRACT, EXPAND).steps == (
        UpgradeStep(EXPAND, ("0002", "0003")),
        UpgradeStep(CONTRACT, ("0004",)),
        UpgradeStep(EXPAND, ("0005",)),
    )


def test_a_phase_takes_the_next_step_only() -> None:
    both = tables(EXPAND, CONTRACT, EXPAND)

    assert both.steps_of(None) == both.steps
    assert both.steps_of(EXPAND) == both.steps[:1]
    assert tables(CONTRACT).steps_of(EXPAND) == tables().steps_of(CONTRACT) == ()
    assert [tables(*phases).serves for phases in ((), (CONTRACT,), (EXPAND,), (CONTRACT, EXPAND))] == [
        *(True, True, False, False),
    ]


def test_a_phase_that_has_to_wait_names_the_other() -> None:
    for steps, phase in (((EXPAND, CONTRACT), CONTRACT), ((CONTRACT, EXPAND), EXPAND)):
        with pytest.raises(OtherPhaseFirst) as refused:
            tables(*steps).steps_of(phase)
        assert refused.value.step.phase is steps[0]
