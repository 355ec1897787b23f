"""Runs the migrations on a connection that the caller has opened."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, update

from vimesh.domain.errors import BadSetting
from vimesh.domain.fleet.upgrade_phases import OtherPhaseFirst, UpgradePhase
from vimesh.store.schema.tables import compatibility
from vimesh.store.transactions.database import SETTING
from vimesh.store.upgrade.older_conductors import require_no_older_conductors
from vimesh.store.upgrade.table_versions import require_compatible, tables_of

_MIGRATIONS = Path(__file__).parents[1] / "migrations"


def upgrade(connection: Connection, phase: UpgradePhase | None) -> None:
    """Upgrade the tables by a phase, None: by both.

    Does nothing if there is nothing to do, or if a newer release has expanded the tables. Raises BadSetting if a newer
    release made them, the other phase comes first, or a conductor runs that could not use them any more.
    """
    tables = tables_of(connection)
    require_compatible(tables)
    try:
        steps = tables.steps_of(phase)
    except OtherPhaseFirst as error:
        raise BadSetting(SETTING, f"{error}; type: vimesh db upgrade --phase {error.step.phase}") from None
    for step in steps:
        if step.phase is UpgradePhase.CONTRACT:
            require_no_older_conductors(connection, step.target)
    for step in steps:
        if step.phase is UpgradePhase.CONTRACT:
            # First, because MariaDB commits before each change of a table: from here on, no older conductor starts.
            _let_in_from(connection, step.target)
        command.upgrade(config_for(connection), step.target)


def _let_in_from(connection: Connection, version: str) -> None:
    # Tables before version 0022 let in nobody else anyway.
    if inspect(connection).has_table(compatibility.name):
        connection.execute(update(compatibility).values(compatible_from=version))


def config_for(connection: Connection) -> Config:
    """Return the Alembic configuration for a connection."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
