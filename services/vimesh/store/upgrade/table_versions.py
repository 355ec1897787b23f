"""Versions of the tables, without Alembic: to import it takes a quarter of a second, which only upgrades should pay."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from sqlalchemy import Connection, column, inspect, select, table

from vimesh.domain.errors import BadSetting
from vimesh.domain.fleet.upgrade_phases import Tables, UpgradePhase, steps_to
from vimesh.store.schema.tables import compatibility
from vimesh.store.transactions.database import SETTING

_VERSIONS = table("alembic_version", column("version_num"))
"""Alembic's own, with one row."""
CONTRACTING: Final = frozenset({"0004", "0005", "0006"})
"""The migrations beside which no conductor of an earlier version may run: they take away, rename or change what those
use. All others only add, and what those leave out has a default."""


def newest() -> str:
    """Return the version of the tables that this version of vimesh makes."""
    return max(_versions())


def needed() -> str:
    """Return the oldest version of the tables that suffices: to contract them is for when no older conductor runs."""
    return max(_versions() - CONTRACTING)


def phase_of(version: str) -> UpgradePhase:
    """Return the phase of the migration to a version."""
    return UpgradePhase.CONTRACT if version in CONTRACTING else UpgradePhase.EXPAND


def version_of(connection: Connection) -> str | None:
    """Return the version of the tables; None if there are none."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    version: str | None = connection.execute(select(_VERSIONS.c.version_num)).scalar_one_or_none()
    return version


def tables_of(connection: Connection) -> Tables:
    """Return what there is, and what this release would still do."""
    version = version_of(connection)
    is_newer = version is not None and version not in _versions()
    left = () if is_newer else sorted(each for each in _versions() if version is None or each > version)
    return Tables(version, _compatible_from(connection), is_newer, steps_to((each, phase_of(each)) for each in left))


def _compatible_from(connection: Connection) -> str | None:
    if not inspect(connection).has_table(compatibility.name):
        return None
    oldest: str | None = connection.execute(select(compatibility.c.compatible_from)).scalar_one_or_none()
    return oldest


def require_compatible(tables: Tables) -> None:
    """Raise BadSetting if a newer version made the tables, and they are not only expanded."""
    if tables.is_newer and not (tables.compatible_from and tables.compatible_from <= newest()):
        raise _newer(tables.version)


def require_known_version(version: str | None) -> None:
    """Raise BadSetting if a newer version made the tables."""
    if version is not None and version not in _versions():
        raise _newer(version)


def _newer(version: str | None) -> BadSetting:
    return BadSetting(SETTING, f"the tables are of version {version}, made by a newer vimesh: install that one")


def _versions() -> set[str]:
    """Return the versions to which the modules of migrations upgrade; each is named `vVERSION_SUBJECT.py`."""
    names = (each.name for each in files("vimesh.store").joinpath("migrations", "versions").iterdir())
    return {name[1:].partition("_")[0] for name in names if name.startswith("v") and name.endswith(".py")}
