"""Issuers as companies have them: keys on a server, roles in claims of their own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from grpc import aio

from tests.support.deployments.envoys import NOTHING, PLAIN, RunningEnvoy, running_envoy
from tests.support.identities.callers import LIMIT_S, PASSED, call
from tests.support.identities.certified import Certified
from tests.support.identities.recording_backends import CALL, Records, recording_conductor
from tests.support.identities.secured_fleets import ISSUER, secured
from tests.support.identities.tokens import SigningKey, claims_of, key_set
from vimesh.certificates.spiffe_ids import Role
from vimesh.domain.access.caller import CallerRole
from vimesh.envoy.fleet.front_security import TokenIssuer

GET_VIM = "/vimesh.v1.VimService/GetVim"
BAD_TOKEN = "UNAUTHENTICATED TOKEN_INVALID"
SOON = {"cache_duration: 60s": "cache_duration: 1s"}


class KeyServer:
    """Serves keys by HTTPS, as an identity provider does."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.port = 0


@asynccontextmanager
async def serving_keys(content: bytes, certificate: Path) -> AsyncGenerator[KeyServer]:
    served = KeyServer(content)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(served.content)))
            self.end_headers()
            self.wfile.write(served.content)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


@asynccontextmanager
async def fleet_of(
    certified: Certified, issuer: TokenIssuer, instead: Mapping[str, str] = NOTHING
) -> AsyncGenerator[tuple[RunningEnvoy, Records]]:
    like = replace(PLAIN, security=secured(certified, certified.part(Role.FRONT, "f"), issuers=(issuer,)))
    conductor_part = certified.part(Role.CONDUCTOR, "c")
    async with (
        recording_conductor(certified.server_credentials(conductor_part)) as conductor,
        running_envoy([conductor.address], like=like, instead=instead) as envoy,
    ):
        await envoy.until_healthy([conductor.address])
        yield envoy, conductor


def bearer(key: SigningKey, **claims: object) -> dict[str, str]:
    return {"authorization": f"Bearer {key.sign({**claims_of('olga', vimesh_roles='operator'), **claims})}"}


async def until_ending(channel: aio.Channel, headers: dict[str, str], wanted: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await call(channel, GET_VIM, headers) != wanted:
            pass


async def test_keys_come_from_a_server_and_change_there(tmp_path: Path) -> None:
    certified = Certified(tmp_path / "certs")
    company = Certified(tmp_path / "company")
    first, second = SigningKey("first"), SigningKey("second")
    async with serving_keys(key_set(first), company.part(Role.API, "idp")) as server:
        uri = f"https://localhost:{server.port}/keys"
        issuer = TokenIssuer(ISSUER, ("vimesh",), jwks_uri=uri, ca=company.trust / "ca.crt")
        async with (
            fleet_of(certified, issuer, SOON) as (envoy, _),
            aio.secure_channel(envoy.address, certified.channel_credentials()) as channel,
        ):
            await until_ending(channel, bearer(first), PASSED)
            assert await call(channel, GET_VIM, bearer(second)) == BAD_TOKEN

            server.content = key_set(second)
            await until_ending(channel, bearer(second), PASSED)
            await until_ending(channel, bearer(first), BAD_TOKEN)


async def test_keys_of_a_server_that_cannot_prove_itself_are_not_used(tmp_path: Path) -> None:
    certified = Certified(tmp_path / "certs")
    key = SigningKey("first")
    async with serving_keys(key_set(key), Certified(tmp_path / "forger").part(Role.API, "idp")) as server:
        uri = f"https://localhost:{server.port}/keys"
        issuer = TokenIssuer(ISSUER, ("vimesh",), jwks_uri=uri, ca=certified.trust / "ca.crt")
        async with fleet_of(certified, issuer) as (envoy, _):
            async with asyncio.timeout(LIMIT_S):
                while await envoy.stat("cluster.keys-0.ssl.fail_verify_error") < 2:
                    pass
            async with aio.secure_channel(envoy.address, certified.channel_credentials()) as channel:
                assert await call(channel, GET_VIM, bearer(key)) == BAD_TOKEN
            admin = certified.channel_credentials(certified.pair(Role.CLI, "admin"))
            async with aio.secure_channel(envoy.address, admin) as channel:
                assert await call(channel, GET_VIM, {}) == PASSED


async def test_roles_and_projects_are_where_the_issuer_has_them(tmp_path: Path) -> None:
    certified = Certified(tmp_path / "certs")
    key, keys_file = SigningKey("first"), tmp_path / "jwks.json"
    keys_file.write_bytes(key_set(key))
    issuer = TokenIssuer(
        ISSUER,
        ("vimesh",),
        jwks_file=keys_file,
        roles_claim=("realm_access", "roles"),
        projects_claim=("https://company.example/projects",),
        grants={"nfv ops": CallerRole.OPERATOR, 'a"b\\': CallerRole.REPORTER},
    )
    realm = {"realm_access": {"roles": ["nfv ops", "operator", "admin", 'a"b\\', "nfv ops", {"admin": 1}]}}
    projects = {"https://company.example/projects": ["A", "b-1.c:d", "with,comma", "with space", "é", 7, "x" * 256]}
    odd: list[dict[str, object]] = [
        {"realm_access": "admin"},
        {"realm_access": ["admin"]},
        {"realm_access": {"roles": {"admin": True}}},
        {"realm_access": {"roles": True}},
        {"vimesh_roles": ["admin"]},
    ]
    async with (
        fleet_of(certified, issuer) as (envoy, conductor),
        aio.secure_channel(envoy.address, certified.channel_credentials()) as channel,
    ):
        assert await call(channel, GET_VIM, {CALL: "1", **bearer(key, **realm, **projects)}) == PASSED
        assert await call(channel, GET_VIM, {CALL: "2", **bearer(key, **realm)}) == PASSED
        ends = {await call(channel, GET_VIM, bearer(key, **claims)) for claims in odd}

        assert conductor.calls["1"].identity == {
            "identity": f"{ISSUER}#olga",
            "roles": "operator,reporter",
            "projects": "A,b-1.c:d",
        }
        assert conductor.calls["2"].identity == {"identity": f"{ISSUER}#olga", "roles": "operator,reporter"}
    assert ends == {"PERMISSION_DENIED ROLE_MISSING"}
