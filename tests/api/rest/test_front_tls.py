"""An api process with credentials serves fronts of its trust domain by TLS, and nobody else (G14)."""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from tests.support.deployments.envoys import PLAIN, running_envoy
from tests.support.identities.callers import ask_tls
from tests.support.identities.certified import Certified, KeyPair
from tests.support.identities.recording_backends import recording_conductor
from tests.support.identities.secured_fleets import secured
from vimesh.certificates.spiffe_ids import Role
from vimesh.domain.errors import BadSetting
from vimesh.http.http_listener import listening
from vimesh.http.serve_fronts import serve
from vimesh.http.server_tls import ServerTls

APP: ASGIApp = PlainTextResponse("served")
VIMS = ("GET", "/v1.0/vims")


@asynccontextmanager
async def api(folder: Path) -> AsyncGenerator[str]:
    """Serve with the certificate in a folder; yields the address."""
    stopping = asyncio.Event()
    with listening("127.0.0.1:0") as listener:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(APP, listener, stopping.wait, drain_s=0, grace_s=1, tls=ServerTls(folder)))
            try:
                yield f"localhost:{listener.getsockname()[1]}"
            finally:
                stopping.set()


async def ends(address: str, context: ssl.SSLContext) -> str:
    try:
        return (await ask_tls(address, VIMS, context, {})).body.decode()
    except (OSError, http.client.HTTPException):
        return "refused"


async def test_only_a_front_of_the_trust_domain_is_served(tmp_path: Path) -> None:
    certified, foreign = Certified(tmp_path / "certs"), Certified(tmp_path / "foreign")
    pairs: dict[str, KeyPair | None] = {
        "front": certified.pair(Role.FRONT, "f1"),
        "api": certified.pair(Role.API, "a2"),
        "monitor": certified.pair(Role.MONITOR, "m1"),
        "administrator": certified.pair(Role.CLI, "admin"),
        "front of another domain": certified.with_uris("spiffe://other/front/f1"),
        "two identities": certified.with_uris("spiffe://vimesh/front/f1", "spiffe://vimesh/cli/admin"),
        "no identity": certified.with_uris("https://vimesh/front/f1"),
        "front of another authority": foreign.pair(Role.FRONT, "f1"),
        "nobody": None,
    }
    async with api(certified.part(Role.API, "a1")) as address:
        answers = {name: await ends(address, certified.client_context(tmp_path, pair)) for name, pair in pairs.items()}

    assert answers == dict.fromkeys(pairs, "refused") | {"front": "served"}


async def test_a_real_front_reaches_it(tmp_path: Path) -> None:
    certified = Certified(tmp_path / "certs")
    front = certified.part(Role.FRONT, "front-1")
    admin = certified.client_context(tmp_path, certified.pair(Role.CLI, "admin"))
    conductor_part = certified.server_credentials(certified.part(Role.CONDUCTOR, "c1"))
    like = replace(PLAIN, security=secured(certified, front))
    async with (
        recording_conductor(conductor_part) as conductor,
        api(certified.part(Role.API, "a1")) as address,
        running_envoy([conductor.address], api=[address.replace("localhost", "127.0.0.1")], like=like) as envoy,
    ):
        await envoy.until_healthy([conductor.address])
        answer = await ask_tls(envoy.address, VIMS, admin, {})

    assert (answer.status, answer.body) == (200, b"served")


async def test_new_files_count_from_the_next_connection_on(tmp_path: Path) -> None:
    certified, successor = Certified(tmp_path / "certs"), Certified(tmp_path / "new")
    folder = certified.part(Role.API, "a1")
    old_front = certified.client_context(tmp_path, certified.pair(Role.FRONT, "f1"))
    new_front = successor.client_context(tmp_path, successor.pair(Role.FRONT, "f1"))
    async with api(folder) as address:
        before = [await ends(address, old_front), await ends(address, new_front)]
        for name, content in files_of(successor.part(Role.API, "a1")).items():
            (folder / name).write_bytes(content)
        after = [await ends(address, old_front), await ends(address, new_front)]
        (folder / "tls.key").write_bytes(b"no key")
        with_bad_files = await ends(address, new_front)

    assert (before, after) == (["served", "refused"], ["refused", "served"])
    assert with_bad_files == "served"


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("tls.crt", "tls.key", "ca.crt")}


def test_a_folder_without_authorities_is_refused(tmp_path: Path) -> None:
    folder = Certified(tmp_path / "certs").part(Role.API, "a1")
    (folder / "ca.crt").unlink()

    with pytest.raises(
        BadSetting, match=r"needs tls\.crt, tls\.key and ca\.crt to serve by TLS; or listen on unix:PATH"
    ):
        ServerTls(folder)
