"""Why a database server cannot be used: each cause in words, with the address, and without a secret."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import make_url

from tests.support.clouds.targets import free_port
from tests.support.sql.databases import SERVERS, Server, execute, server
from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.store.connections.connection_errors import CannotConnect
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.databases.unavailability import explain_unavailable
from vimesh.store.dialects.server_dialect import DatabaseServer as StoreServer
from vimesh.store.upgrade.manage_tables import check, current, upgrade
from vimesh.store.upgrade.server_version import require_new_enough

SECRET = "a secret, ä@:/?"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SERVERS)
async def node(request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    async with server(request.param) as running:
        yield running


async def words_of(url: str) -> str:
    """Return what each command says of the database: all the same."""
    said = []
    for call in (current, check, upgrade):
        with pytest.raises(StoreUnavailable) as refused:
            await call(url)
        assert SECRET not in repr(refused.value.__cause__)
        said.append(explain_unavailable(refused.value))
    assert len(set(said)) == 1
    return said[0]


def at(url: str, **parts: object) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]  # as the caller names them


async def test_nobody_listens(node: Server) -> None:
    port = free_port()

    said = await words_of(at(node.url, port=port))

    assert said == (f"cannot connect to database vimesh: 127.0.0.1:{port}: connection refused: no server listens there")


async def test_no_such_host(node: Server) -> None:
    assert "nowhere.invalid:" in (said := await words_of(at(node.url, host="nowhere.invalid")))
    assert said.endswith(": no such host") or "cannot be looked up" in said


async def test_no_such_socket(node: Server, tmp_path: Path) -> None:
    url = node.url.replace(f"127.0.0.1:{node.port}", "")
    parameter = "host" if url.startswith("postgresql") else "unix_socket"

    said = await words_of(f"{url}?{parameter}={tmp_path}/nothing")

    assert said.endswith(f"{tmp_path}/nothing: there is no such socket: no server listens there")


async def test_a_wrong_password_is_not_repeated(node: Server) -> None:
    await execute(node.url, *_user_with_password(node))
    said = await words_of(node.url_as("stranger", SECRET + "!"))

    assert f"127.0.0.1:{node.port}: the server refuses the user name or the password" in said


def _user_with_password(node: Server) -> tuple[str, ...]:
    if node.url.startswith("mysql"):
        return ("CREATE OR REPLACE USER stranger IDENTIFIED BY 'right'",)
    return (
        "DROP ROLE IF EXISTS stranger",
        "CREATE ROLE stranger LOGIN PASSWORD 'right'",
    )


async def test_a_password_of_any_characters(node: Server) -> None:
    written = SECRET.replace("'", "''")
    user = "stranger IDENTIFIED BY" if node.url.startswith("mysql") else "stranger LOGIN PASSWORD"
    drop = ("DROP USER IF EXISTS stranger", f"CREATE USER {user} '{written}'".replace(":", "\\:"))
    await execute(node.url, *drop)
    grant = "GRANT ALL ON *.* TO stranger" if node.url.startswith("mysql") else "ALTER ROLE stranger SUPERUSER"
    await execute(node.url, grant)

    await check(node.url_as("stranger", SECRET))


async def test_no_such_database(node: Server) -> None:
    said = await words_of(at(node.url, database="nowhere"))

    assert f"127.0.0.1:{node.port}: the server has no such database; make it first: CREATE DATABASE" in said


async def test_tls_that_the_server_does_not_have(node: Server) -> None:
    postgresql = node.url.startswith("postgresql")
    for asked in ("sslmode=require", "sslmode=verify-full&sslrootcert=system") if postgresql else ("ssl=true",):
        said = await words_of(f"{node.url}?{asked}")
        assert said.endswith(f"127.0.0.1:{node.port}: TLS: the server does not offer it")
    await check(f"{node.url}?{'sslmode=prefer' if postgresql else 'ssl_mode=PREFERRED'}")


async def test_the_other_protocol(node: Server) -> None:
    """A URL of PostgreSQL with the port of MariaDB, and the other way round."""
    other = "mysql" if node.url.startswith("postgresql") else "postgresql"

    said = await words_of(f"{other}://root@127.0.0.1:{node.port}/vimesh?connect_timeout=1")

    assert f"127.0.0.1:{node.port}: " in said


@asynccontextmanager
async def silence() -> AsyncGenerator[int]:
    """Listen, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
async def test_no_answer_is_said_within_the_time_that_the_url_gives(kind: str) -> None:
    async with silence() as port:
        with pytest.raises(StoreUnavailable) as refused:
            async with asyncio.timeout(20):
                await current(f"{kind}://u@127.0.0.1:{port}/vimesh?connect_timeout=1")

    assert explain_unavailable(refused.value).endswith(f"127.0.0.1:{port}: no answer within 1 s")


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, b"", b"N" * 9, b"\x05\x00\x00\x00\x0a5\x00"]
)
async def test_whatever_answers_is_no_traceback(kind: str, answer: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(StoreUnavailable) as refused:
            await current(f"{kind}://u:{'secret'}@127.0.0.1:{port}/vimesh?connect_timeout=5")

    said = explain_unavailable(refused.value)
    assert said.startswith(f"cannot connect to database vimesh: 127.0.0.1:{port}: ")
    assert "secret" not in said


async def test_a_user_who_may_not_make_tables_is_told_so(node: Server) -> None:
    await execute(node.url, *_reader(node))

    with pytest.raises(BadSetting, match="may not read or make tables"):
        await upgrade(at(node.url, username="reader", password="right", database="bare"))


def _reader(node: Server) -> tuple[str, ...]:
    if node.url.startswith("mysql"):
        return (
            "CREATE DATABASE bare",
            "CREATE USER reader IDENTIFIED BY 'right'",
            "GRANT SELECT ON bare.* TO reader",
        )
    return ("CREATE DATABASE bare", "CREATE ROLE reader LOGIN PASSWORD 'right'")


@pytest.mark.parametrize(
    ("url", "version", "is_mariadb", "said"),
    [
        ("postgresql://h/v", (11, 22), False, "PostgreSQL 11.22 is too old; 12 or newer is needed"),
        ("mysql://h/v", (10, 5, 29), True, "MariaDB 10.5.29 is too old; 10.6 or newer is needed"),
        ("mysql://h/v", (8, 0, 16), False, "MySQL 8.0.16 is too old; 8.0.17 or newer is needed"),
        ("mysql://h/v", (5, 7, 44, "log"), False, "MySQL 5.7.44 is too old; 8.0.17 or newer is needed"),
    ],
)
async def test_a_server_that_is_too_old(url: str, version: tuple[int, ...], is_mariadb: bool, said: str) -> None:
    place = parse_database_url(url)
    assert isinstance(place, StoreServer)
    dialect = place.engine(1, "AUTOCOMMIT").dialect
    dialect.server_version_info = version
    dialect.is_mariadb = is_mariadb  # type: ignore[attr-defined]  # only MySQL's dialect has it

    with pytest.raises(CannotConnect, match=f"cannot connect to database v: h:[0-9]+: {said}"):
        require_new_enough(dialect, place)


async def test_new_servers_are_new_enough() -> None:
    for url, version, is_mariadb in (
        ("postgresql://h/v", (12,), False),
        ("mysql://h/v", (11, 4, 2), True),
        ("mysql://h/v", (8, 0, 17), False),
    ):
        place = parse_database_url(url)
        assert isinstance(place, StoreServer)
        dialect = place.engine(1, "AUTOCOMMIT").dialect
        dialect.server_version_info, dialect.is_mariadb = version, is_mariadb  # type: ignore[attr-defined]  # as above
        require_new_enough(dialect, place)
