"""Stores whose server is replaced by another one while their connections are kept, hang or break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import event, text

from tests.support.callers.commands import VIMESH, clean_environment
from tests.support.sql.databases import SERVERS, execute
from tests.support.sql.postgresql import Postgresql
from tests.support.sql.replicas import Pair, pair
from tests.support.sql.stores import record, registration, report, store_at
from tests.support.timing.waiting import eventually
from vimesh.domain.errors import StoreUnavailable
from vimesh.domain.vims import Recorded, Registration, Status
from vimesh.store.databases.connection_pool import ServerConnections
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.databases.unavailability import explain_unavailable
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.sql_store import SqlStore
from vimesh.store.upgrade.manage_tables import upgrade

pytestmark = pytest.mark.asyncio(loop_scope="module")

_COMMITS = {"postgresql": b"COMMIT;", "mysql": b"\x03COMMIT"}
"""How a client says it, by the scheme of the URL."""


@pytest_asyncio.fixture(params=SERVERS, scope="module", loop_scope="module")
async def servers(request: pytest.FixtureRequest) -> AsyncGenerator[Pair]:
    async with pair(request.param) as running:
        yield running


async def warm_up(store: SqlStore) -> None:
    """Open all connections that a store may have."""
    await asyncio.gather(store.register(registration()), *(store.span() for _ in range(9)), store.require_writable())


async def names(store: SqlStore) -> list[str]:
    return [vim.name for vim in await store.vims_after("", 500)]


@pytest.mark.timeout(300)
async def test_of_several_hosts_the_one_that_takes_writes_is_backed_up_and_said(servers: Pair, tmp_path: Path) -> None:
    replica, primary = (f"127.0.0.1:{port}" for port in (servers.other.port, servers.in_charge.port))
    url = servers.url_at(servers.in_charge.port).replace(primary, f"{replica},{primary}", 1)

    made = await typed(url, "backup", str(tmp_path / "copy"))
    restored = await typed(url, "restore", str(tmp_path / "copy"), "--force")

    assert made.startswith(f"wrote {tmp_path}/copy from {primary}: ")
    assert restored.startswith(f"restored {tmp_path}/copy at {primary}, ")


async def typed(url: str, *arguments: str) -> str:
    """Return what `vimesh db` prints."""
    process = await asyncio.create_subprocess_exec(
        *(*VIMESH, "db", *arguments),
        env=clean_environment(VIMESH_DATABASE_URL=url),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


async def test_connections_that_hang_are_left_when_one_has_been_waited_for_in_vain(servers: Pair) -> None:
    async with store_at(servers.url, lock_timeout_s=2.0) as store:
        await warm_up(store)
        vim = await store.register(registration())

        servers.address.silence()
        with pytest.raises(StoreUnavailable):
            await record(store, [report(vim, Status.REACHABLE, 1)])

        assert await record(store, [report(vim, Status.REACHABLE, 2)]) == [Recorded(Status.REACHABLE)]
        await asyncio.gather(*(store.get(vim.id) for _ in range(9)))


async def test_a_connection_that_hangs_once_its_transaction_is_over_holds_up_one_transaction_at_most(
    servers: Pair,
) -> None:
    async with store_at(servers.url, lock_timeout_s=2.0) as store:
        await warm_up(store)
        vim = await store.register(registration())

        servers.address.silence_after(_COMMITS[servers.url.partition(":")[0]])
        assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]
        with suppress(StoreUnavailable):
            await record(store, [report(vim, Status.UNREACHABLE, 2)])

        assert await record(store, [report(vim, Status.UNREACHABLE, 3)]) == [Recorded(Status.UNREACHABLE)]


@pytest.mark.parametrize("passed_on", [True, False])
async def test_a_commit_without_an_answer_is_not_called_done_and_not_done_twice(
    servers: Pair, *, passed_on: bool
) -> None:
    """G2."""
    wanted = registration()
    async with store_at(servers.url) as store:
        await warm_up(store)
        before = (await store.span()).newest
        servers.address.end_at(_COMMITS[servers.url.partition(":")[0]], passed_on=passed_on)
        with pytest.raises(StoreUnavailable):
            await store.register(wanted)

        if not passed_on:
            await store.register(wanted)
        await eventually(lambda: is_there(store, wanted), 30)
        assert (await store.span()).newest == before + 1
        assert (await names(store)).count(wanted.name) == 1


async def is_there(store: SqlStore, wanted: Registration) -> bool:
    return wanted.name in await names(store)


async def test_a_report_whose_commit_has_no_answer_can_be_made_again(servers: Pair) -> None:
    """G2, and what is known of the VIM is read again."""
    async with store_at(servers.url) as store:
        await warm_up(store)
        vim = await store.register(registration())
        servers.address.end_at(_COMMITS[servers.url.partition(":")[0]], passed_on=True)
        with pytest.raises(StoreUnavailable):
            await record(store, [report(vim, Status.REACHABLE, 1)])

        await record(store, [report(vim, Status.REACHABLE, 1)])

        assert (await store.get(vim.id)).status is Status.REACHABLE
        assert len((await store.events_of(vim.id, 9, ""))[0]) == 2


async def test_connections_that_are_reset_fail_no_call(servers: Pair) -> None:
    async with store_at(servers.url) as store:
        await warm_up(store)
        vim = await store.register(registration())

        servers.address.cut()

        assert await record(store, [report(vim)]) == [Recorded(Status.REACHABLE)]
        await asyncio.gather(*(store.get(vim.id) for _ in range(9)))


async def test_a_read_only_server_says_so_and_writes_go_on_without_a_restart_when_it_is_not(servers: Pair) -> None:
    async with store_at(servers.url) as store:
        await warm_up(store)
        vim = await store.register(registration())
        await record(store, [report(vim)])
        await servers.stop_writes()
        try:
            # It is not said either that nothing has changed: the server may be behind the one in charge.
            for call in (store.register(registration()), record(store, [report(vim)]), store.require_writable()):
                with pytest.raises(StoreUnavailable, match="read-only"):
                    await call
            assert (await store.get(vim.id)).id == vim.id
        finally:
            await servers.allow_writes()

        await store.require_writable()
        assert await record(store, [report(vim, Status.UNREACHABLE, 2)]) == [Recorded(Status.UNREACHABLE)]


async def test_the_connection_that_hears_of_commits_is_left_with_the_others(servers: Pair) -> None:
    if servers.url.startswith("mysql"):
        pytest.skip("MariaDB tells of no commits")
    heard = asyncio.Event()
    async with store_at(servers.url) as store, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(until_unavailable(store, heard))
        await heard.wait()
        await servers.stop_writes()
        try:
            with pytest.raises(StoreUnavailable):
                await store.require_writable()
            async with asyncio.timeout(30):
                await listening
        finally:
            await servers.allow_writes()


async def until_unavailable(store: SqlStore, heard: asyncio.Event) -> None:
    with pytest.raises(StoreUnavailable):
        await store.watch_commits(heard.set)


async def test_who_may_write_to_a_read_only_server_does_not() -> None:
    """Two servers would be written to, and each have changes that the other one has not."""
    async with pair("mariadb") as servers, store_at(servers.in_charge.url("vimesh")) as store:
        await servers.stop_writes()
        for call in (store.register(registration()), store.require_writable()):
            with pytest.raises(StoreUnavailable, match="read-only"):
                await call


async def test_a_server_whose_commits_wait_for_a_replica_that_is_gone_takes_no_writes(servers: Pair) -> None:
    if not isinstance(servers.in_charge, Postgresql):
        pytest.skip("MariaDB stops waiting by itself")
    admin = servers.in_charge.url("postgres")
    names = "ALTER SYSTEM SET synchronous_standby_names = '{}'"
    async with store_at(servers.url, lock_timeout_s=1.0) as store:
        await warm_up(store)
        await execute(admin, names.format("nobody"), "SELECT pg_reload_conf()")
        try:
            await eventually(lambda: is_refused(store), 30)
            with pytest.raises(StoreUnavailable):
                await store.require_writable()
            await store.span()
        finally:
            await execute(admin, names.format(""), "SELECT pg_reload_conf()")

        async def takes_writes() -> bool:
            with suppress(StoreUnavailable):
                await store.require_writable()
                return True
            return False

        await eventually(takes_writes, 30)
        await store.register(registration())


async def is_refused(store: SqlStore) -> bool:
    try:
        await store.register(registration())
    except StoreUnavailable:
        return True
    return False


async def test_a_connection_is_used_once_whatever_is_learned_while_it_is_made(servers: Pair) -> None:
    place = parse_database_url(servers.url)
    assert isinstance(place, DatabaseServer)
    connections = ServerConnections()
    engine = place.engine(1, "AUTOCOMMIT", connections.watch)
    event.listen(engine.sync_engine, "connect", lambda *_: connections.renew())
    made = []
    event.listen(engine.sync_engine, "connect", lambda *_: made.append(True))
    for _ in range(2):
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    await engine.dispose()
    assert len(made) == 2


async def test_an_upgrade_of_a_read_only_server_says_so(servers: Pair) -> None:
    admin = servers.in_charge.url("postgres" if isinstance(servers.in_charge, Postgresql) else "mysql")
    await execute(admin, "CREATE DATABASE another")
    await servers.stop_writes()
    try:
        with pytest.raises(StoreUnavailable) as refused:
            await upgrade(servers.in_charge.url("another"))
    finally:
        await servers.allow_writes()
    assert "read-only" in explain_unavailable(refused.value)


async def test_nobody_reads_from_the_server_of_before_once_the_address_has_moved(servers: Pair) -> None:
    """The last of this file: the other server is in charge then."""
    async with store_at(servers.url) as store:
        await warm_up(store)
        vim = await store.register(registration())
        await servers.stop_writes()
        with pytest.raises(StoreUnavailable):
            await store.register(registration())
        # These are made after the trouble was noticed, and before the address moves.
        await asyncio.gather(*(store.get(vim.id) for _ in range(9)))

        await servers.promote()
        servers.address.lead_to(servers.in_charge.port)
        await record(store, [report(vim, Status.UNREACHABLE, 2)])

        # At once: what has just been written must be read.
        found = await asyncio.gather(*(store.get(vim.id) for _ in range(9)))
        assert {each.status for each in found} == {Status.UNREACHABLE}
