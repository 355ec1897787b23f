"""A database is copied and put back by one command, on each kind, and its log is another one after that."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.sql.databases import SERVERS, execute
from tests.support.sql.receivers import claim_one, settings
from tests.support.sql.stores import LOCK_TIMEOUT_S, record, registration, report, store_at
from vimesh.domain.errors import RevisionUnknown
from vimesh.domain.notifications.delivery_store import Delivery
from vimesh.domain.notifications.receiver_errors import ClaimLost
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status
from vimesh.store.backup.back_up import back_up
from vimesh.store.backup.restore import make_other_log, restore
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.upgrade.manage_tables import newest

PASSWORD = "p\"a\\s: #w d'%ö"
"""Each of these means something in a file of a program, in SQL or in a URL."""


def show(_done: int, _total: int | None) -> None:
    """Show nothing."""


async def names(store: VimStore) -> set[str]:
    return {vim.name for vim in (await store.list_vims(VimQuery())).vims}


async def test_what_was_saved_comes_back_and_nothing_else(database_url: str, tmp_path: Path) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as store:
        vim = await store.register(registration(name="saved", description='it\'s \\ "odd" \n; DROP TABLE vims; ü'))
        saved = await store.span()
        made = await back_up(database_url, tmp_path / "copy", show, overwrite=False)
        await store.register(registration(name="later"))

    restored = await restore(database_url, tmp_path / "copy", show, overwrite=True)

    assert restored.version == made.version == newest()
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as store:
        assert (await store.get(vim.id)).description == vim.description
        assert await names(store) == {"saved"}
        span = await store.span()
        assert (span.oldest, span.newest) == (saved.oldest, saved.newest)
        # G8: as far as before by other changes, and still not the same log.
        again = await store.register(registration(name="other"))
        assert again.revision == saved.newest + 1
        with pytest.raises(RevisionUnknown, match="another log"):
            await store.events_after(saved.newest, 10, saved.log_id)
        assert [event.vim_id for event in await store.events_after(saved.newest, 10, span.log_id)] == [again.id]


async def test_a_database_with_connections_or_tables_is_not_replaced(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["database_url"] == "sqlite":
        pytest.skip("a file is kept beside, and its locks are of processes: tests/store/backup")
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as store:
        await back_up(database_url, tmp_path / "copy", show, overwrite=False)
        await store.register(registration(name="later"))
        with pytest.raises(BackupRefused, match="other connections use the database"):
            await restore(database_url, tmp_path / "copy", show, overwrite=True)
    with pytest.raises(BackupRefused, match="has tables"):
        await restore(database_url, tmp_path / "copy", show, overwrite=False)

    (tmp_path / "half").write_bytes((tmp_path / "copy").read_bytes()[:-3000])
    (tmp_path / "text").write_text("INSERT INTO `alembic_version` VALUES ('0001');")
    for name in ("half", "text"):
        with pytest.raises(BackupRefused):
            await restore(database_url, tmp_path / name, show, overwrite=True)

    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as store:
        assert await names(store) == {"later"}


async def test_a_notifier_cannot_record_what_it_read_in_the_log_before(database_url: str, store: VimStore) -> None:
    """G19. Otherwise it would skip the changes up to a revision of the log that is gone."""
    receiver = await store.receivers.create(settings("pager"))
    before = await claim_one(store)

    await make_other_log(database_url)

    with pytest.raises(ClaimLost):
        await store.deliveries.record(before, Delivery(revision=receiver.revision))
    after = await claim_one(store)
    assert after.number > before.number + 1000  # no number of the log before is given again
    await store.deliveries.record(after, Delivery(revision=receiver.revision))


async def test_a_conductor_does_not_believe_leases_of_the_log_before(database_url: str, store: VimStore) -> None:
    """G6: a restored lease may be shorter, and no change says so."""
    vim = await store.register(registration())
    await record(store, [report(vim, Status.REACHABLE, 1)])
    assert vim.id in store.cached_standings

    await make_other_log(database_url)
    await record(store, [report(await store.register(registration()), Status.REACHABLE, 1)])

    assert vim.id not in store.cached_standings


@asynccontextmanager
async def stranger_of(url: str, kind: str) -> AsyncGenerator[str]:
    """Yield the URL for a user who has to give a password."""
    literal = PASSWORD.replace("'", "''")
    if kind == "postgresql":
        create = [f"CREATE ROLE stranger SUPERUSER LOGIN PASSWORD '{literal}'"]
        drop = ["REASSIGN OWNED BY stranger TO postgres", "DROP ROLE stranger"]
    else:
        backslashed = literal.replace("\\", "\\\\")
        create = [f"CREATE USER stranger IDENTIFIED BY '{backslashed}'", "GRANT ALL ON *.* TO stranger"]
        drop = ["DROP USER stranger"]
    await execute(url, *create)
    try:
        yield make_url(url).set(username="stranger", password=PASSWORD).render_as_string(hide_password=False)
    finally:
        await execute(url, *drop)


@pytest.mark.parametrize("database_url", SERVERS, indirect=True)
async def test_a_password_of_any_characters_is_given_to_the_programs_by_a_file(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with stranger_of(database_url, request.node.callspec.params["database_url"]) as url:
        await back_up(url, tmp_path / "copy", show, overwrite=False)
        await restore(url, tmp_path / "copy", show, overwrite=True)
        place = parse_database_url(url)

    assert isinstance(place, DatabaseServer)
    programs = place.connector.dump_programs()
    for given in (*programs.dump(tmp_path), *programs.load(tmp_path), *programs.environment(tmp_path).values()):
        assert "#w" not in given
    assert "#w" in "".join(programs.files().values())
    assert "#w" not in repr(programs)


@pytest.mark.parametrize("database_url", SERVERS, indirect=True)
async def test_a_program_that_is_missing_is_named_with_its_package(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BackupRefused, match="is not installed") as refused:
        await back_up(database_url, tmp_path / "copy", show, overwrite=False)

    assert refused.value.hint.startswith("install them: apt install ")
    assert not os.listdir(tmp_path)  # noqa: PTH208 - of an asynchronous test
