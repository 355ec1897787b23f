"""Opens the database that a URL names."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from vimesh.domain.errors import BadSetting
from vimesh.store.databases.queued_database import QueuedDatabase
from vimesh.store.databases.server_database import ServerTransactions
from vimesh.store.dialects.embedded_dialect import EmbeddedDatabase
from vimesh.store.dialects.registry import dialect_for, url_forms
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.transactions.database import SETTING, Database
from vimesh.store.urls.database_url import backend_of


def parse_database_url(url: str, lock_timeout_s: float = 5.0) -> EmbeddedDatabase | DatabaseServer:
    """Read a database URL. Raises BadSetting."""
    try:
        backend = backend_of(url)
        if (dialect := dialect_for(backend)) is None:
            raise BadSetting(SETTING, f"{backend} is not served; use {url_forms()}")
        return dialect.place(url, lock_timeout_s)
    except ValueError:
        # Without the cause, which may quote a password.
        raise BadSetting(SETTING, f"must look like {url_forms()}") from None


@asynccontextmanager
async def open_database(place: EmbeddedDatabase | DatabaseServer) -> AsyncGenerator[Database]:
    """Open the database. It need not be reachable."""
    transactions = ServerTransactions(place) if isinstance(place, DatabaseServer) else place.transactions()
    database = QueuedDatabase(transactions, patience_s=place.lock_timeout_s)
    try:
        yield database
    finally:
        await database.close()
