"""Creates and upgrades the tables of a database that runs in our process."""

from __future__ import annotations

from vimesh.store.databases.unavailability import errors_as_unavailable
from vimesh.store.dialects.embedded_dialect import EmbeddedDatabase
from vimesh.store.upgrade import migrations_runner


def upgrade(database: EmbeddedDatabase, limit_s: float) -> None:
    """Create the database if it is missing, and upgrade its tables. Raises BadSetting, StoreUnavailable."""
    with errors_as_unavailable(), database.change_tables(limit_s) as connection:
        migrations_runner.to_newest(connection)


def current(database: EmbeddedDatabase) -> str | None:
    """Return the version of the tables, None if there are none. Raises BadSetting, StoreUnavailable."""
    with errors_as_unavailable(), database.read_tables() as connection:
        return migrations_runner.revision_of(connection)
