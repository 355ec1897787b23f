"""What the URL of a server says reaches the programs that copy it: TLS, certificates, and which of several hosts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.sql.databases import SERVERS
from tests.support.sql.stores import registration, store_at
from tests.support.sql.tls_servers import HOST, TlsServer, tls_server
from vimesh.domain.queries import VimQuery
from vimesh.store.backup.back_up import back_up
from vimesh.store.backup.restore import restore
from vimesh.store.backup.run_programs import running
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.dialects.server_dialect import DatabaseServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SERVERS)
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[TlsServer]:
    async with tls_server(request.param) as found:
        yield found


def show(_done: int, _total: int | None) -> None:
    """Show nothing."""


async def copied(url: str, folder: Path) -> str:
    """Back up; return from which server."""
    made = await back_up(url, folder / "copy", show, overwrite=True)
    return str(made.server)


async def copied_and_put_back(url: str, folder: Path) -> str:
    """Back up and restore; return which server was used, as both say."""
    made = await back_up(url, folder / "copy", show, overwrite=True)
    async with store_at(url) as store:
        await store.register(registration(name="later"))
    restored = await restore(url, folder / "copy", show, overwrite=True)
    async with store_at(url) as store:
        assert not (await store.list_vims(VimQuery())).vims
    assert made.server == restored.server
    return str(made.server)


async def dump_alone(url: str) -> None:
    """Run the program that copies, which must judge the server by itself."""
    place = parse_database_url(url)
    assert isinstance(place, DatabaseServer)
    programs = place.connector.dump_programs()
    async with running(programs, programs.dump) as process:
        await process.wait()


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca"])
async def test_programs_connect_in_each_mode_of_tls(server: TlsServer, mode: str, tmp_path: Path) -> None:
    user = "" if mode == "prefer" else "by_tls"  # whom the server refuses without it

    used = await copied(server.url(server.modes()[mode], user=user), tmp_path)

    assert used == f"{HOST}:{server.node.port}"


async def test_programs_show_the_certificate_of_the_client(server: TlsServer, tmp_path: Path) -> None:
    await copied_and_put_back(server.by_certificate(server.client), tmp_path)


@pytest.mark.parametrize("has_password", [True, False])
async def test_programs_show_a_certificate_whose_key_has_a_password(
    server: TlsServer, has_password: bool, tmp_path: Path
) -> None:
    signed = server.ours.sign("by_certificate", password="pass word" if has_password else "")

    await copied_and_put_back(server.by_certificate(signed, password="pass%20word"), tmp_path)


async def test_programs_do_not_trust_another_authority_or_host(server: TlsServer) -> None:
    await dump_alone(server.url(server.modes()["verify-full"]))
    for url in (
        server.url(server.modes(server.other.file)["verify-full"]),
        server.url(server.modes()["verify-full"], host="localhost"),
    ):
        with pytest.raises(BackupRefused, match=r"(?i)certificate|ssl error"):
            await dump_alone(url)


async def test_programs_trust_the_authorities_of_the_machine_if_they_can(
    server: TlsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.ours.file))
    if server.kind == "mariadb":
        await copied(server.url("ssl_verify_cert=true", user="by_tls"), tmp_path)
        return
    url = server.url("sslmode=verify-full&sslrootcert=system", user="by_tls")
    place = parse_database_url(url)
    assert isinstance(place, DatabaseServer)
    assert "16 is the first" in place.connector.dump_programs().why_unusable((15,), (15, 8))
    try:
        await copied(url, tmp_path)
    except BackupRefused as refused:
        assert str(refused) == "pg_dump 15 knows no sslrootcert=system: 16 is the first that does"  # noqa: PT017


async def test_programs_use_the_socket_and_nothing_else_of_the_environment(
    server: TlsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server.kind == "mariadb":
        url = f"mysql://root@/vimesh?unix_socket={server.folder}/mariadb.sock&ssl_ca={server.ours.file}"
        assert await copied(url, tmp_path) == f"{server.folder}/mariadb.sock"
        return
    # Each of these would lead the programs, and not the driver, to something else.
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.9")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=pg_catalog -c default_transaction_read_only=on")
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "standby")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    await copied_and_put_back(server.url(server.modes()["verify-full"]), tmp_path)
    url = f"postgresql://postgres@/vimesh?host={server.folder}&port={server.node.port}"
    assert await copied(url, tmp_path) == str(server.folder)


async def test_a_host_that_hangs_is_not_tried_again(server: TlsServer, tmp_path: Path) -> None:
    async with silent_port() as silent:
        url = server.url(server.modes()["require"], user="by_tls")

        used = await copied(url.replace(f"{HOST}:", f"{HOST}:{silent},{HOST}:", 1), tmp_path)

    assert used == f"{HOST}:{server.node.port}"


@asynccontextmanager
async def silent_port() -> AsyncGenerator[int]:
    """Accept connections, and answer nothing."""
    opened: set[asyncio.StreamWriter] = set()

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.add(writer)

    listening = await asyncio.start_server(accept, HOST, 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for writer in opened:
            writer.transport.abort()
