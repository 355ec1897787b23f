"""Creates and upgrades the tables of a database that runs in our process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from vimesh.domain.fleet.upgrade_phases import UpgradePhase
from vimesh.store.databases.unavailability import errors_as_unavailable
from vimesh.store.dialects.embedded_dialect import EmbeddedDatabase

T = TypeVar("T")


def upgrade(database: EmbeddedDatabase, phase: UpgradePhase | None, limit_s: float) -> None:
    """Create the database if it is missing, and upgrade its tables; see `migrations_runner.upgrade`.

    Raises BadSetting, StoreUnavailable.
    """
    from vimesh.store.upgrade import migrations_runner  # noqa: PLC0415 - Alembic, which only an upgrade needs

    with errors_as_unavailable(), database.change_tables(limit_s) as connection:
        migrations_runner.upgrade(connection, phase)


def read(database: EmbeddedDatabase, look: Callable[[Connection], T]) -> T:
    """Return what a function reads from a connection. Raises BadSetting, StoreUnavailable."""
    with errors_as_unavailable(), database.read_tables() as connection:
        return look(connection)
