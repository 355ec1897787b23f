"""Opens real stores on real databases, and fills them."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import tempfile
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import update

from vimesh.domain.access.quotas import Quotas
from vimesh.domain.events import VimEvent
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Outcome, Registration, Report, Status, Vim
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.schema.notification_tables import notifiers, receivers
from vimesh.store.schema.tables import leases, todos
from vimesh.store.schema.timestamps import micros
from vimesh.store.schema.view_tables import views
from vimesh.store.sql_store import SqlStore, sql_store
from vimesh.store.upgrade.manage_tables import upgrade

KEY = base64.urlsafe_b64encode(b"a key for tests, and none else!!").decode()
_SQLITE = "sqlite:///"
LOCK_TIMEOUT_S = 30.0
"""For tests that say what a store does, and not how soon. On a machine that others use as well, the 5 s of a conductor
pass while a connection is made through a pooler, or while a commit waits for the disk."""


def sqlite_url(path: Path) -> str:
    return f"{_SQLITE}{path}"


@cache
def _content() -> bytes:
    """Return the content of a file with the newest tables: migrations take 0.3 s of CPU and many writes to the disk."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vimesh.sqlite"
        asyncio.run(upgrade(sqlite_url(file)))
        return file.read_bytes()


def create_file(file: Path) -> None:
    """Make a SQLite file as `vimesh db upgrade` makes it."""
    file.touch(0o600, exist_ok=False)
    file.write_bytes(_content())
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("UPDATE revisions SET log_id = ?", (str(uuid.uuid4()),))


async def create_or_upgrade(database_url: str) -> None:
    file = Path(database_url.removeprefix(_SQLITE))
    is_plain = database_url.startswith(_SQLITE) and not {"%", "?"} & set(database_url)
    if is_plain and not await asyncio.to_thread(file.exists):
        await asyncio.to_thread(create_file, file)
    else:
        await upgrade(database_url)


@asynccontextmanager
async def store_at(
    database_url: str, *, lock_timeout_s: float = 5.0, quotas: Quotas | None = None, has_tables: bool = False
) -> AsyncGenerator[SqlStore]:
    """Open a store on a database that is first created, or upgraded to the newest version, unless it has its tables."""
    if not has_tables:
        await create_or_upgrade(database_url)
    async with sql_store(database_url, Cipher([KEY]), lock_timeout_s=lock_timeout_s, quotas=quotas) as store:
        yield store


def registration(**fields: Any) -> Registration:  # noqa: ANN401 - any field of a Registration
    """Make a registration with a name of its own; `fields` override the defaults."""
    known: dict[str, Any] = {
        "name": f"vim-{uuid.uuid4()}",
        "type": "openstack",
        "auth_url": "http://192.0.2.1:5000/v3",
        "project_id": "default",
    }
    return Registration(**(known | fields))


def report(vim: Vim, status: Status = Status.REACHABLE, observation: int = 0, **fields: Any) -> Report:  # noqa: ANN401 - any field of a Report
    """Make a report of the VIM's wanted action, unless `action_id` is given."""
    known: dict[str, Any] = {
        "vim_id": vim.id,
        "action_id": vim.monitor.action_id,
        "status": status,
        "observation": observation,
    }
    return Report(**(known | fields))


async def record(store: VimStore, reports: Sequence[Report], contact_within_s: float = 30.0) -> list[Outcome]:
    """Record reports with a lease that does not end within a test, unless `elapse` is called."""
    return await store.record_reports(reports, contact_within_s=contact_within_s)


async def elapse(store: VimStore, seconds: float, *others: VimStore) -> None:
    """Let time pass for leases, claims and pauses: everything that ends at some time ends that much earlier.

    Stores cache leases: all stores that are used on the database have to be given.
    """
    assert isinstance(store, SqlStore)
    shifts = [
        update(leases).values(lease_until=leases.c.lease_until - micros(seconds)),
        update(views).values(lease_until=views.c.lease_until - micros(seconds)),
        update(todos).values(due_time=todos.c.due_time - micros(seconds)),
        update(receivers).values(claim_until=receivers.c.claim_until - micros(seconds)),
        update(notifiers).values(active_until=notifiers.c.active_until - micros(seconds)),
    ]
    await store._database.write(lambda connection: [connection.execute(shift) for shift in shifts])
    for one in (store, *others):
        assert isinstance(one, SqlStore)
        for held in one._reports.cache.snapshot.standings.values():
            held.lease_until -= micros(seconds)


async def newest_event(store: VimStore) -> VimEvent:
    return (await store.events_of("", 1, ""))[0][0]


async def changes_in(store: VimStore) -> int:
    """Return the number of changes ever made."""
    span = await store.span()
    return span.newest - span.oldest + 1
