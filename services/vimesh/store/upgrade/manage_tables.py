"""Creates, changes and checks the tables of the database, for `vimesh db`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from vimesh.domain.errors import BadSetting
from vimesh.domain.fleet.upgrade_phases import Tables, UpgradePhase
from vimesh.domain.fleet.upgrade_plan import Survey
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.transactions.database import SETTING
from vimesh.store.upgrade import embedded_upgrade, server_upgrade, table_versions
from vimesh.store.upgrade.survey_fleet import survey_fleet

T = TypeVar("T")

_UPGRADE_S = 60.0
_CHECK_S = 10.0


async def upgrade(database_url: str, phase: UpgradePhase | None = None) -> Tables:
    """Create the tables, or upgrade them by a phase, None: by both; return them. Create a SQLite file if it is missing.

    Safe to call from several processes at once: one upgrades, the others wait and find it done.
    Raises BadSetting, also while a conductor runs that could not use the tables any more; StoreUnavailable.
    """
    place = parse_database_url(database_url)
    if isinstance(place, DatabaseServer):
        await server_upgrade.upgrade(place, phase, _UPGRADE_S)
    else:
        await asyncio.to_thread(embedded_upgrade.upgrade, place, phase, _UPGRADE_S)
    return await read_tables(database_url)


async def read_tables(database_url: str) -> Tables:
    """Return the tables as they are, and what this release would still do. Raises BadSetting, StoreUnavailable."""
    return await _read(database_url, table_versions.tables_of)


async def survey(database_url: str) -> Survey:
    """Return what the database tells of its fleet. Raises BadSetting, StoreUnavailable."""
    return await _read(database_url, survey_fleet)


async def _read(database_url: str, look: Callable[[Connection], T]) -> T:
    place = parse_database_url(database_url)
    if isinstance(place, DatabaseServer):
        return await server_upgrade.read(place, look, _CHECK_S)
    return await asyncio.to_thread(embedded_upgrade.read, place, look)


async def current(database_url: str) -> str | None:
    """Return the version of the tables, None if there are none. Raises BadSetting, StoreUnavailable."""
    return (await read_tables(database_url)).version


async def check(database_url: str) -> Tables:
    """Return the tables if this release can use them. Raises BadSetting with the command to run; StoreUnavailable."""
    tables = await read_tables(database_url)
    table_versions.require_compatible(tables)
    if not tables.serves:
        version, least = tables.version, table_versions.needed()
        state = "has no tables" if version is None else f"has tables of version {version}, and {least} is needed"
        raise BadSetting(SETTING, f"the database {state}; type: vimesh db upgrade")
    return tables


def newest() -> str:
    """Return the version of the tables that this version of vimesh makes."""
    return table_versions.newest()
