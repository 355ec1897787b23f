"""TLS to real servers, in each mode: what is taken, what is refused, and in which words."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.clouds.authorities import Authority, Signed
from tests.support.processes.server_nodes import running, server_folder
from tests.support.sql.databases import SERVERS, execute
from tests.support.sql.mariadb import MariaDb
from tests.support.sql.postgresql import Postgresql
from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.databases.unavailability import explain_unavailable
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.upgrade.manage_tables import check, upgrade

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST = "127.0.0.1"
IS_ENCRYPTED = {
    "postgresql": "SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
}


@dataclass
class World:
    kind: str
    node: Postgresql | MariaDb
    folder: Path
    ours: Authority
    other: Authority
    client: Signed
    strangers: Signed
    """Of a client, by the other authority."""

    def url(self, parameters: str, user: str = "", host: str = HOST) -> str:
        scheme = "postgresql" if self.kind == "postgresql" else "mysql"
        who = user or ("postgres" if self.kind == "postgresql" else "root")
        return f"{scheme}://{who}@{host}:{self.node.port}/vimesh?{parameters}"

    async def serve(self, valid_for: dt.timedelta = dt.timedelta(days=1)) -> None:
        """Give the server another certificate, in its place."""
        signed = self.ours.sign("server", HOST, file_name="server", valid_for=valid_for)
        owned(signed.key, signed.certificate)
        statement = "SELECT pg_reload_conf()" if self.kind == "postgresql" else "FLUSH SSL"
        await execute(self.node.url("vimesh"), statement)


def owned(*paths: Path) -> None:
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, "postgres")


class TlsMariaDb(MariaDb):
    def _options(self) -> list[str]:
        folder = self._folder
        return [f"--ssl-ca={folder / 'ours.pem'}", f"--ssl-cert={folder}/server.crt", f"--ssl-key={folder}/server.key"]


@pytest.fixture(scope="module")
def folder() -> Generator[Path]:
    with server_folder() as made:
        yield made


def node_in(folder: Path, kind: str) -> Postgresql | MariaDb:
    files = {"ssl_ca_file": "ours.pem", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
    settings = ["ssl=on", *(f"{name}={folder / file}" for name, file in files.items())]
    return Postgresql(folder, settings) if kind == "postgresql" else TlsMariaDb(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SERVERS)
async def world(request: pytest.FixtureRequest, folder: Path) -> AsyncGenerator[World]:
    kind = request.param
    place = folder / kind
    place.mkdir()
    place.chmod(0o755)
    ours, other = Authority(place, "ours"), Authority(place, "other")
    signed = ours.sign("server", HOST, file_name="server")
    owned(signed.key, signed.certificate)
    async with running(node_in(place, kind)) as node:
        await execute(node.url("postgres" if kind == "postgresql" else "mysql"), "CREATE DATABASE vimesh")
        await execute(node.url("vimesh"), *users_of(kind))
        found = World(
            kind, node, place, ours, other, client=ours.sign("by_certificate"), strangers=other.sign("by_certificate")
        )
        await upgrade(found.url("sslmode=require" if kind == "postgresql" else "ssl=true"))
        yield found


def users_of(kind: str) -> list[str]:
    """Make one user for whom TLS is enough, and one who has to have a certificate."""
    if kind == "postgresql":
        return ["CREATE ROLE by_tls LOGIN SUPERUSER", "CREATE ROLE by_certificate LOGIN SUPERUSER"]
    return [
        "CREATE USER by_tls REQUIRE SSL",
        "CREATE USER by_certificate REQUIRE X509",
        *(f"GRANT ALL ON *.* TO {user}" for user in ("by_tls", "by_certificate")),
    ]


async def is_encrypted(url: str) -> bool:
    place = parse_database_url(url)
    assert isinstance(place, DatabaseServer)
    engine = place.engine(1, "AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            return bool((await connection.exec_driver_sql(IS_ENCRYPTED[place.url.get_backend_name()])).scalar_one())
    finally:
        await engine.dispose()


async def words_of(url: str) -> str:
    with pytest.raises(StoreUnavailable) as refused:
        await check(url)
    return explain_unavailable(refused.value)


def modes(kind: str, ca: Path) -> dict[str, str]:
    """Return what a URL says for each mode of libpq."""
    if kind == "postgresql":
        names = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
        return {name: f"sslmode={name}" + (f"&sslrootcert={ca}" if "verify" in name else "") for name in names}
    return {
        "disable": "ssl_mode=DISABLED",
        "prefer": "ssl_mode=PREFERRED",
        "require": "ssl_mode=REQUIRED",
        "verify-ca": f"ssl_ca={ca}&ssl_check_hostname=false",
        "verify-full": f"ssl_ca={ca}",
    }


async def test_each_mode_connects(world: World) -> None:
    for mode, parameters in modes(world.kind, world.ours.file).items():
        assert await is_encrypted(world.url(parameters)) is (mode not in {"disable", "allow"}), mode


async def test_a_server_that_wants_tls_gets_it(world: World) -> None:
    found = modes(world.kind, world.ours.file)
    for mode in found.keys() & {"allow", "prefer", "require"}:
        assert await is_encrypted(world.url(found[mode], user="by_tls")), mode
    said = await words_of(world.url(found["disable"], user="by_tls"))
    assert f"{HOST}:{world.node.port}: " in said
    assert "no encryption" in said or "refuses the user name" in said or "takes no connection without it" in said


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_another_authority_is_not_trusted(world: World, mode: str) -> None:
    said = await words_of(world.url(modes(world.kind, world.other.file)[mode]))

    assert f"{HOST}:{world.node.port}: TLS: no trusted authority has signed the certificate of the server: " in said


async def test_the_authorities_of_the_machine_do_not_know_ours(world: World) -> None:
    system = "sslmode=verify-full&sslrootcert=system" if world.kind == "postgresql" else "ssl_verify_cert=true"

    assert "TLS: no trusted authority" in await words_of(world.url(system))


async def test_a_certificate_is_of_the_host_that_the_url_names(world: World) -> None:
    found = modes(world.kind, world.ours.file)

    assert await is_encrypted(world.url(found["verify-ca"], host="localhost"))
    said = await words_of(world.url(found["verify-full"], host="localhost"))

    assert f"localhost:{world.node.port}: TLS: the certificate of the server is of another host" in said


async def test_a_certificate_that_expired_is_refused_and_one_in_its_place_taken(world: World) -> None:
    found = modes(world.kind, world.ours.file)
    await world.serve(valid_for=-dt.timedelta(days=1))
    try:
        said = await words_of(world.url(found["verify-ca"]))
        assert said.endswith("TLS: the certificate of the server has expired")
        assert await is_encrypted(world.url(found["require"]))
    finally:
        await world.serve()
    assert await is_encrypted(world.url(found["verify-full"]))


def by_certificate(world: World, signed: Signed | None, *, password: str = "") -> str:
    found = modes(world.kind, world.ours.file)["verify-full"]
    if signed is None:
        return world.url(found, user="by_certificate")
    cert, key, secret = (
        ("sslcert", "sslkey", "sslpassword")
        if world.kind == "postgresql"
        else ("ssl_cert", "ssl_key", "ssl_key_password")
    )
    given = f"&{cert}={signed.certificate}&{key}={signed.key}" + (f"&{secret}={password}" if password else "")
    return world.url(found + given, user="by_certificate")


async def test_a_client_certificate_lets_in(world: World) -> None:
    assert await is_encrypted(by_certificate(world, world.client))


async def test_a_client_without_a_certificate_is_told_so(world: World) -> None:
    said = await words_of(by_certificate(world, None))

    assert f"{HOST}:{world.node.port}: " in said
    assert "certificate" in said or "refuses the user name" in said


async def test_a_client_certificate_of_another_authority_is_refused_in_words(world: World) -> None:
    said = await words_of(by_certificate(world, world.strangers))

    assert f"{HOST}:{world.node.port}: the server closed the connection" in said
    assert said.endswith(f"; it may not take the client certificate {world.strangers.certificate}")


async def test_the_key_of_a_certificate_may_have_a_password(world: World) -> None:
    signed = world.ours.sign("by_certificate", password="pass word")

    assert await is_encrypted(by_certificate(world, signed, password="pass%20word"))
    for wrong in ("", "another"):
        with pytest.raises(BadSetting, match="its password is missing or wrong") as refused:
            parse_database_url(by_certificate(world, signed, password=wrong))
        assert "another" not in str(refused.value)


async def test_files_that_do_not_belong_together_are_named(world: World) -> None:
    mixed = Signed(world.client.certificate, world.strangers.key, 0)
    with pytest.raises(BadSetting, match=f"{world.strangers.key} is not the key of {world.client.certificate}"):
        parse_database_url(by_certificate(world, mixed))
    with pytest.raises(BadSetting, match=f"{world.client.key} holds no certificates"):
        parse_database_url(by_certificate(world, Signed(world.client.key, world.client.key, 0)))
    alone = by_certificate(world, world.client).replace("ssl_cert=", "ssl_capath=/&ssl_cert=").split("&")
    with pytest.raises(BadSetting, match="a key without its certificate is not used"):
        parse_database_url("&".join(part for part in alone if not part.startswith(("sslcert=", "ssl_cert="))))


async def test_a_server_certificate_that_was_revoked_is_refused(world: World) -> None:
    if world.kind != "postgresql":
        with pytest.raises(BadSetting, match="ssl_crl is not taken"):
            parse_database_url(world.url("ssl_crl=/tmp/list"))
        return
    found = modes(world.kind, world.ours.file)["verify-full"]
    assert await is_encrypted(world.url(f"{found}&sslcrl={world.ours.revoke()}"))
    signed = world.ours.sign("server", HOST, file_name="server")
    owned(signed.key, signed.certificate)
    await execute(world.node.url("vimesh"), "SELECT pg_reload_conf()")

    said = await words_of(world.url(f"{found}&sslcrl={world.ours.revoke(signed)}"))

    assert said.endswith("TLS: the certificate of the server was revoked")


async def test_versions_of_tls_have_to_meet(world: World) -> None:
    if world.kind != "postgresql":
        return
    assert await is_encrypted(world.url("sslmode=require&ssl_min_protocol_version=TLSv1.3"))
    await execute(
        world.node.url("vimesh"), "ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.2'", "SELECT pg_reload_conf()"
    )
    try:
        said = await words_of(world.url("sslmode=require&ssl_min_protocol_version=TLSv1.3"))
        assert "TLS: no version of it is taken by both sides" in said
    finally:
        await execute(
            world.node.url("vimesh"), "ALTER SYSTEM RESET ssl_max_protocol_version", "SELECT pg_reload_conf()"
        )


async def test_a_socket_needs_no_tls_and_its_name_is_in_no_certificate(world: World) -> None:
    path = world.folder
    if world.kind == "postgresql":
        url = f"postgresql://postgres@/vimesh?host={path}&port={world.node.port}&sslmode=verify-full"
        url += f"&sslrootcert={world.ours.file}"
        assert not await is_encrypted(url)
    else:
        url = f"mysql://root@/vimesh?unix_socket={path}/mariadb.sock"
        assert not await is_encrypted(url)
        assert await is_encrypted(f"{url}&ssl_ca={world.ours.file}")
