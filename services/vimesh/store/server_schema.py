"""The tables on a database server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.store import migrating
from vimesh.store.database import SETTING, trouble_as_unavailable
from vimesh.store.server_database import Server, close

# Held by the session, not by the transaction: MariaDB commits with each statement that changes tables.
_ACQUIRE = {
    "postgresql": text("SELECT 1 FROM pg_advisory_lock(hashtext('vimesh.schema'))"),
    "mysql": text("SELECT GET_LOCK(CONCAT('vimesh.', MD5(DATABASE())), 3600)"),
}
# What the server says to whom it does not let in, and what there is to be done about it.
_REFUSALS = {
    "28P01": "the server refuses the user name or the password",
    "28000": "the server refuses the user",
    "3D000": "the server has no such database; make it first: CREATE DATABASE",
    "42501": "the user may not make tables there",
    1044: "the user may not use the database",
    1045: "the server refuses the user name or the password",
    1049: "the server has no such database; make it first: CREATE DATABASE",
    1142: "the user may not make tables there",
}


async def upgrade(server: Server, limit_s: float) -> None:
    """Raises BadSetting, StoreUnavailable."""
    async with _connected(server, limit_s) as connection:
        # Whoever gets the lock upgrades; the others wait here, and find it done.
        acquired = await connection.execute(_ACQUIRE[server.url.get_backend_name()])
        if acquired.scalar_one() != 1:
            raise StoreUnavailable
        await _require_unicode(connection)
        await connection.commit()
        await connection.run_sync(migrating.to_newest)
        await connection.commit()


async def current(server: Server, limit_s: float) -> str | None:
    """Raises BadSetting, StoreUnavailable."""
    async with _connected(server, limit_s) as connection:
        return await connection.run_sync(migrating.revision_of)


async def _require_unicode(connection: AsyncConnection) -> None:
    """Raise BadSetting for a database that cannot hold every text. MariaDB says so for each table."""
    if connection.dialect.name == "postgresql":
        encoding = (await connection.execute(text("SHOW server_encoding"))).scalar_one()
        if encoding != "UTF8":
            raise BadSetting(SETTING, f"the database keeps text as {encoding}; make one with ENCODING 'UTF8'")


@asynccontextmanager
async def _connected(server: Server, limit_s: float) -> AsyncGenerator[AsyncConnection]:
    engine = server.engine(1, "READ COMMITTED")
    # It passes on what MariaDB notes about the names of keys.
    logging.getLogger("asyncmy").setLevel(logging.ERROR)
    try:
        with trouble_as_unavailable():
            async with asyncio.timeout(limit_s), engine.connect() as connection:
                yield connection
    except StoreUnavailable as error:
        refusal = _REFUSALS.get(_code_of(error.__cause__))
        if refusal is None:
            raise
        # Without its options: one of them may be a password, too.
        shown = server.url.set(query={}).render_as_string(hide_password=True)
        raise BadSetting(SETTING, f"{refusal} ({shown})") from error
    finally:
        await close(engine)


def _code_of(error: BaseException | None) -> object:
    """Return the SQLSTATE of PostgreSQL, or the number of MariaDB's error, if it says that we are not let in."""
    while error is not None:
        for code in (getattr(error, "sqlstate", None), *error.args[:1]):
            if code in _REFUSALS:
                return code
        error = error.orig if isinstance(error, DBAPIError) else error.__cause__
    return None
