"""TLS to real servers, in each mode: what is taken, what is refused, and in which words."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.support.clouds.authorities import Signed
from tests.support.sql.databases import SERVERS, execute
from tests.support.sql.tls_servers import HOST, TlsServer, owned, tls_server
from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.databases.unavailability import explain_unavailable
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.upgrade.manage_tables import check

pytestmark = pytest.mark.asyncio(loop_scope="module")

IS_ENCRYPTED = {
    "postgresql": "SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SERVERS)
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[TlsServer]:
    async with tls_server(request.param) as found:
        yield found


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


async def test_each_mode_connects(world: TlsServer) -> None:
    for mode, parameters in world.modes().items():
        assert await is_encrypted(world.url(parameters)) is (mode not in {"disable", "allow"}), mode


async def test_a_server_that_wants_tls_gets_it(world: TlsServer) -> None:
    found = world.modes()
    for mode in found.keys() & {"allow", "prefer", "require"}:
        assert await is_encrypted(world.url(found[mode], user="by_tls")), mode
    said = await words_of(world.url(found["disable"], user="by_tls"))
    assert f"{HOST}:{world.node.port}: " in said
    assert "no encryption" in said or "refuses the user name" in said or "takes no connection without it" in said


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_another_authority_is_not_trusted(world: TlsServer, mode: str) -> None:
    said = await words_of(world.url(world.modes(world.other.file)[mode]))

    assert f"{HOST}:{world.node.port}: TLS: no trusted authority has signed the certificate of the server: " in said


async def test_the_authorities_of_the_machine_do_not_know_ours(world: TlsServer) -> None:
    system = "sslmode=verify-full&sslrootcert=system" if world.kind == "postgresql" else "ssl_verify_cert=true"

    assert "TLS: no trusted authority" in await words_of(world.url(system))


async def test_a_certificate_is_of_the_host_that_the_url_names(world: TlsServer) -> None:
    found = world.modes()

    assert await is_encrypted(world.url(found["verify-ca"], host="localhost"))
    said = await words_of(world.url(found["verify-full"], host="localhost"))

    assert f"localhost:{world.node.port}: TLS: the certificate of the server is of another host" in said


async def test_a_certificate_that_expired_is_refused_and_one_in_its_place_taken(world: TlsServer) -> None:
    found = world.modes()
    await world.serve(valid_for=-dt.timedelta(days=1))
    try:
        said = await words_of(world.url(found["verify-ca"]))
        assert said.endswith("TLS: the certificate of the server has expired")
        assert await is_encrypted(world.url(found["require"]))
    finally:
        await world.serve()
    assert await is_encrypted(world.url(found["verify-full"]))


async def test_a_client_certificate_lets_in(world: TlsServer) -> None:
    assert await is_encrypted(world.by_certificate(world.client))


async def test_a_client_without_a_certificate_is_told_so(world: TlsServer) -> None:
    said = await words_of(world.by_certificate(None))

    assert f"{HOST}:{world.node.port}: " in said
    assert "certificate" in said or "refuses the user name" in said


async def test_a_client_certificate_of_another_authority_is_refused_in_words(world: TlsServer) -> None:
    said = await words_of(world.by_certificate(world.strangers))

    assert f"{HOST}:{world.node.port}: the server closed the connection" in said
    assert said.endswith(f"; it may not take the client certificate {world.strangers.certificate}")


async def test_the_key_of_a_certificate_may_have_a_password(world: TlsServer) -> None:
    signed = world.ours.sign("by_certificate", password="pass word")

    assert await is_encrypted(world.by_certificate(signed, password="pass%20word"))
    for wrong in ("", "another"):
        with pytest.raises(BadSetting, match="its password is missing or wrong") as refused:
            parse_database_url(world.by_certificate(signed, password=wrong))
        assert "another" not in str(refused.value)


async def test_files_that_do_not_belong_together_are_named(world: TlsServer) -> None:
    mixed = Signed(world.client.certificate, world.strangers.key, 0)
    with pytest.raises(BadSetting, match=f"{world.strangers.key} is not the key of {world.client.certificate}"):
        parse_database_url(world.by_certificate(mixed))
    with pytest.raises(BadSetting, match=f"{world.client.key} holds no certificates"):
        parse_database_url(world.by_certificate(Signed(world.client.key, world.client.key, 0)))
    alone = world.by_certificate(world.client).replace("ssl_cert=", "ssl_capath=/&ssl_cert=").split("&")
    with pytest.raises(BadSetting, match="a key without its certificate is not used"):
        parse_database_url("&".join(part for part in alone if not part.startswith(("sslcert=", "ssl_cert="))))


async def test_a_server_certificate_that_was_revoked_is_refused(world: TlsServer) -> None:
    if world.kind != "postgresql":
        with pytest.raises(BadSetting, match="ssl_crl is not taken"):
            parse_database_url(world.url("ssl_crl=/tmp/list"))
        return
    found = world.modes()["verify-full"]
    assert await is_encrypted(world.url(f"{found}&sslcrl={world.ours.revoke()}"))
    signed = world.ours.sign("server", HOST, file_name="server")
    owned(signed.key, signed.certificate)
    await execute(world.node.url("vimesh"), "SELECT pg_reload_conf()")

    said = await words_of(world.url(f"{found}&sslcrl={world.ours.revoke(signed)}"))

    assert said.endswith("TLS: the certificate of the server was revoked")


async def test_versions_of_tls_have_to_meet(world: TlsServer) -> None:
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


async def test_a_socket_needs_no_tls_and_its_name_is_in_no_certificate(world: TlsServer) -> None:
    path = world.folder
    if world.kind == "postgresql":
        url = f"postgresql://postgres@/vimesh?host={path}&port={world.node.port}&sslmode=verify-full"
        url += f"&sslrootcert={world.ours.file}"
        assert not await is_encrypted(url)
    else:
        url = f"mysql://root@/vimesh?unix_socket={path}/mariadb.sock"
        assert not await is_encrypted(url)
        assert await is_encrypted(f"{url}&ssl_ca={world.ours.file}")
