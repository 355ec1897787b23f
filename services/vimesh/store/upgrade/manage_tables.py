"""Creates, changes and checks the tables of the database, for `vimesh db`."""

from __future__ import annotations

import asyncio

from vimesh.domain.errors import BadSetting
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.transactions.database import SETTING
from vimesh.store.upgrade import embedded_upgrade, migrations_runner, server_upgrade

_UPGRADE_S = 60.0
_CHECK_S = 10.0


async def upgrade(database_url: str) -> None:
    """Create the tables, or upgrade them to this version. Create a SQLite file if it is missing.

    Safe to call from several processes at once: one upgrades, the others wait and find it done.
    Raises BadSetting, StoreUnavailable.
    """
    place = parse_database_url(database_url)
    if isinstance(place, DatabaseServer):
        await server_upgrade.upgrade(place, _UPGRADE_S)
    else:
        await asyncio.to_thread(embedded_upgrade.upgrade, place, _UPGRADE_S)


async def current(database_url: str) -> str | None:
    """Return the version of the tables, None if there are none. Raises BadSetting, StoreUnavailable."""
    place = parse_database_url(database_url)
    if isinstance(place, DatabaseServer):
        return await server_upgrade.current(place, _CHECK_S)
    return await asyncio.to_thread(embedded_upgrade.current, place)


async def check(database_url: str) -> None:
    """Raise BadSetting, with the command to run, unless the tables have the version that is needed."""
    version, needed = await current(database_url), newest()
    if version == needed:
        return
    migrations_runner.require_known_version(version)
    state = "has no tables" if version is None else f"has tables of version {version}, and {needed} is needed"
    raise BadSetting(SETTING, f"the database {state}; type: vimesh db upgrade")


def newest() -> str:
    """Return the version of the tables that this version of vimesh needs."""
    return migrations_runner.newest()
