"""A whole fleet logs in to its VIMs: what people read of it, and where the secrets are not."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from google.protobuf.struct_pb2 import Struct

from tests.support.callers.running import Fleet, fleet
from tests.support.clouds.http_server import OK, Server, server, token
from tests.support.deployments.conductors import Client, client_on
from tests.support.probers.loopback_rules import PROBE_LOOPBACK
from vimesh.rpc.channels import channel
from vimesh.v1.condition_pb2 import Condition
from vimesh.v1.vim_pb2 import ProbePolicy, Vim

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]

WITHIN_S = 120
RIGHT, WRONG, LATER = "kiwi-of-the-login-test", "melon-of-the-login-test", "fig-of-the-login-test"
TOKEN = b"plum-of-the-login-test"


class Cloud:
    """A Keystone that takes one password, and a compute service that is down."""

    def __init__(self) -> None:
        self.server = Server()

    def answer(self, request: bytes) -> bytes:
        if request.startswith(b"POST /v3/auth/tokens "):
            body = json.loads(request.partition(b"\r\n\r\n")[2])
            if body["auth"]["identity"]["password"]["user"]["password"] != RIGHT:
                return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
            made = token(("compute", f"{self.server.url}/compute"), ("network", f"{self.server.url}/network"))
            return made.replace(b"X-Subject-Token: t", b"X-Subject-Token: " + TOKEN)
        return b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n" if b"/compute" in request else OK


def credentials(password: str) -> Struct:
    made = Struct()
    made.update({"username": "ann", "password": password})
    return made


def words(vim: Vim) -> dict[str, str]:
    return {one.type: f"{Condition.Status.Name(one.status)} {one.reason}".strip() for one in vim.conditions}


def files_with(folder: Path, secrets: tuple[bytes, ...]) -> list[str]:
    return [
        f"{file}: {secret!r}"
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink()
        for secret in secrets
        if secret in file.read_bytes()
    ]


@pytest.fixture
async def people(tmp_path: Path) -> AsyncGenerator[tuple[Client, Fleet]]:
    flags = ("--secured", "--conductors", "1", "--log-level", "debug", *PROBE_LOOPBACK)
    with fleet(tmp_path, *flags) as up:
        administrator = up.data_dir / "certs" / "cli" / "admin.local"
        async with channel(up.address, administrator) as opened:
            yield client_on(opened, up.address), up


async def test_people_read_what_logins_came_to_and_no_secret_is_anywhere(
    people: tuple[Client, Fleet], tmp_path: Path
) -> None:
    client, up = people
    cloud = Cloud()
    async with server(cloud.answer) as cloud.server:
        policy = ProbePolicy(depth=ProbePolicy.LOGIN)
        url = f"{cloud.server.url}/v3"
        right = await client.register(auth_url=url, auth_cred=credentials(RIGHT), probe_policy=policy)
        wrong = await client.register(auth_url=url, auth_cred=credentials(WRONG), probe_policy=policy)
        shallow = await client.register(auth_url=url, auth_cred=credentials(LATER))

        seen = await client.until(right.id, lambda vim: "Endpoint/network" in words(vim), WITHIN_S)
        refused = await client.until(wrong.id, lambda vim: "LoggedIn" in words(vim), WITHIN_S)
        for vim in (seen, refused):
            await client.until(vim.id, lambda vim: vim.status == Vim.REACHABLE, WITHIN_S)
        seen, refused = await client.get(right.id), await client.get(wrong.id)

    assert (seen.status, refused.status) == (Vim.REACHABLE, Vim.REACHABLE)
    assert {kind: said for kind, said in words(seen).items() if kind == "LoggedIn" or "/" in kind} == {
        "LoggedIn": "TRUE",
        "Endpoint/compute": "FALSE HTTP_503",
        "Endpoint/network": "TRUE",
    }
    assert words(refused)["LoggedIn"] == "FALSE UNAUTHORIZED"
    assert "LoggedIn" not in words(await client.get(shallow.id))
    said = "\n".join(up.lines) + str(seen) + str(refused)
    secrets = (RIGHT, WRONG, LATER, TOKEN.decode())
    assert not [secret for secret in secrets if secret in said]
    assert files_with(tmp_path, tuple(secret.encode() for secret in secrets)) == []
    audit = (up.data_dir / "audit.log").read_text()
    fetched = {
        (one["vim_id"], one["outcome"])
        for line in audit.splitlines()
        if "GetVimCredentials" in (one := json.loads(line))["method"]
    }
    assert fetched == {(right.id, "OK"), (wrong.id, "OK")}
