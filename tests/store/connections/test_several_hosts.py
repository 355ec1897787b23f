"""A URL with several hosts: the one that takes writes is found, whatever the others do."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import pytest
import pytest_asyncio

from tests.support.clouds.targets import free_port
from tests.support.sql.databases import NAME, Server, execute, server
from tests.support.sql.stores import record, registration, report, store_at
from tests.support.timing.waiting import eventually
from vimesh.domain.errors import StoreUnavailable
from vimesh.domain.vims import Recorded, Status
from vimesh.store.databases.unavailability import explain_unavailable
from vimesh.store.upgrade.manage_tables import check, current, newest, upgrade

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes() -> AsyncGenerator[tuple[Server, Server]]:
    async with server("postgresql") as first, server("postgresql") as second:
        yield first, second


@asynccontextmanager
async def read_only(node: Server) -> AsyncGenerator[None]:
    await turn(node, "on")
    try:
        yield
    finally:
        await turn(node, "off")


async def turn(node: Server, value: str) -> None:
    """Return when it is so for all that is begun from now on."""
    await execute(
        node.url,
        "SET default_transaction_read_only = off",
        f"ALTER SYSTEM SET default_transaction_read_only = {value}",
        "SELECT pg_reload_conf()",
    )

    async def so() -> bool:
        connection = await asyncpg.connect(node.url)
        try:
            return bool(await connection.fetchval("SHOW default_transaction_read_only") == value)
        finally:
            await connection.close()

    await eventually(so, 20)


def several(*ports: int, parameters: str = "") -> str:
    return f"postgresql://postgres@{','.join(f'127.0.0.1:{port}' for port in ports)}/{NAME}?{parameters}"


async def test_a_host_without_a_server_is_passed_over(nodes: tuple[Server, Server]) -> None:
    await check(several(free_port(), nodes[0].port))
    await upgrade(several(nodes[0].port, free_port()))


async def test_a_host_that_never_answers_is_passed_over_in_time(nodes: tuple[Server, Server]) -> None:
    """Every call has to be answered in 5 s, however long the kernel would wait for a host that is switched off."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = several(silent.getsockname()[1], nodes[0].port)
        begun = time.monotonic()
        async with store_at(url, lock_timeout_s=30) as store:
            vim = await store.register(registration())
            assert await record(store, [report(vim)]) == [Recorded(Status.REACHABLE)]
            await asyncio.gather(*(store.get(vim.id) for _ in range(9)))
        # Two seconds for the upgrade, and two for the first connection of the store. Later ones begin at the other.
        assert time.monotonic() - begun < 20


async def test_a_server_that_only_reads_is_passed_over(nodes: tuple[Server, Server]) -> None:
    first, second = nodes
    async with read_only(first):
        async with store_at(several(first.port, second.port)) as store:
            assert (await store.register(registration())).name
        assert await current(several(first.port, second.port, parameters="target_session_attrs=any")) == newest()
        said = await words_of(several(first.port, parameters="target_session_attrs=read-write"))
        assert said.endswith(
            f"127.0.0.1:{first.port}: takes no writes, and target_session_attrs=read-write asks for them"
        )


async def test_the_cause_of_each_host_is_named(nodes: tuple[Server, Server]) -> None:
    port = free_port()

    said = await words_of(several(port, nodes[0].port).replace(f"/{NAME}?", "/nowhere?"))

    assert said == (
        f"cannot connect to database nowhere: 127.0.0.1:{port}: connection refused: no server listens there; "
        f"127.0.0.1:{nodes[0].port}: the server has no such database; make it first: CREATE DATABASE "
        '(database "nowhere" does not exist)'
    )


async def words_of(url: str) -> str:
    with pytest.raises(StoreUnavailable) as refused:
        await check(url)
    return explain_unavailable(refused.value)


async def test_writes_go_on_at_the_other_host_after_a_fail_over(nodes: tuple[Server, Server]) -> None:
    first, second = nodes
    async with store_at(several(first.port, second.port), lock_timeout_s=30) as store:
        await store.register(registration(name="at the first"))
        async with read_only(first), asyncio.timeout(50):
            vim = await store.register(registration(name="at the second"))
    async with store_at(second.url) as at_second:
        assert (await at_second.get(vim.id)).name == "at the second"


async def test_writes_go_on_at_the_other_host_after_a_crash(nodes: tuple[Server, Server]) -> None:
    first, second = nodes
    async with store_at(several(first.port, second.port), lock_timeout_s=30) as store:
        await store.register(registration())
        await first.kill()
        try:
            async with asyncio.timeout(50):
                vim = await store.register(registration())
        finally:
            await first.start()
    async with store_at(second.url) as at_second:
        assert (await at_second.get(vim.id)).id == vim.id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mariadb() -> AsyncGenerator[Server]:
    async with server("mariadb") as running:
        yield running


async def test_a_mariadb_that_only_reads_is_passed_over(mariadb: Server) -> None:
    free = free_port()
    url = f"mysql://root@127.0.0.1:{free},127.0.0.1:{mariadb.port}/{NAME}"
    async with store_at(url) as store:
        vim = await store.register(registration())
        assert await record(store, [report(vim)]) == [Recorded(Status.REACHABLE)]
    await execute(mariadb.url, "SET GLOBAL read_only = ON")
    try:
        said = await words_of(url)
    finally:
        await execute(mariadb.url, "SET GLOBAL read_only = OFF")

    assert said == (
        f"cannot connect to database vimesh: 127.0.0.1:{free}: connection refused: no server listens there; "
        f"127.0.0.1:{mariadb.port}: takes no writes, and of several hosts one is wanted that does"
    )
