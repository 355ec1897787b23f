"""Runs the migrations on a connection that the caller has opened."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from vimesh.domain.errors import BadSetting
from vimesh.store.transactions.database import SETTING

_MIGRATIONS = Path(__file__).parents[1] / "migrations"


def to_newest(connection: Connection) -> None:
    """Upgrade the tables to this version. Raises BadSetting if a newer version made them."""
    require_known_version(revision_of(connection))
    command.upgrade(config_for(connection), "head")


def config_for(connection: Connection) -> Config:
    """Return the Alembic configuration for a connection."""
    config = _config()
    config.attributes["connection"] = connection
    return config


def require_known_version(version: str | None) -> None:
    """Raise BadSetting if a newer version made the tables."""
    if version is not None and version not in {script.revision for script in _scripts().walk_revisions()}:
        raise BadSetting(SETTING, f"the tables are of version {version}, made by a newer vimesh: install that one")


def revision_of(connection: Connection) -> str | None:
    """Return the version of the tables; None if there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """Return the version of the tables that this version of vimesh needs."""
    return _scripts().get_current_head() or ""


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
