"""What Keystone does not say in its own words is no verdict about a token: the caller is told to come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.keystone.test_service_file import GROUP, LOGIN, SECRET
from tests.engine.scripted_http import Answer, http_server, json_answer, silent_server
from tests.support.callers.caller import Answer as HttpAnswer
from tests.support.callers.caller import ask
from tests.support.deployments.rest_doors import refusal
from vimesh.api.keystone import keystone_client, token_checks
from vimesh.api.keystone.keystone_callers import keystone_callers
from vimesh.api.rest.rest_app import RestSettings, rest_app
from vimesh.http.http_listener import listening
from vimesh.http.serve_fronts import serve
from vimesh.rpc.channels import channel
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

TOKEN = "gAAAAA-of-ann"
TIMES = {"expires_at": "2999-01-01T00:00:00.000000Z", "issued_at": "2020-01-01T00:00:00.000000Z"}
DOMAIN = {"id": "default", "name": "Default"}
CLAIMS: dict[str, Any] = {
    "methods": ["password"],
    "user": {"id": "ann", "name": "Ann", "domain": DOMAIN},
    "project": {"id": "blue", "name": "Blue", "domain": DOMAIN},
    "roles": [{"id": "1", "name": "member"}],
    **TIMES,
}
BUSY = (503, "ServiceUnavailable")
REFUSED = (401, "HTTPUnauthorized")
NO_CONDUCTOR = (503, "ServiceUnavailable", "no conductor can be reached; try again later")
"""The token was valid: the answer comes from behind it."""


class Keystone:
    """Answers like Keystone, but for what a test wants it to say about tokens."""

    def __init__(self, said: Answer) -> None:
        self.said = said
        self.url = ""
        self.validations = 0

    def answer(self, line: str, _body: str) -> Answer:
        if line.startswith("POST /v3/auth/tokens"):
            return json_answer(201, json.dumps({"token": CLAIMS}), "X-Subject-Token: of-the-service-user")
        if line.startswith("GET /v3/auth/tokens"):
            self.validations += 1
            return self.said
        links = [{"rel": "self", "href": f"{self.url}/v3/"}]
        return json_answer(200, json.dumps({"version": {"id": "v3.14", "status": "stable", "links": links}}))


@asynccontextmanager
async def door(folder: Path, keystone_url: str) -> AsyncGenerator[str]:
    """Serve Tacker's REST, with no conductor behind it; yields the address."""
    file, stopping = folder / "tacker.conf", asyncio.Event()
    file.write_text(GROUP + LOGIN.replace("http://keystone:5000", keystone_url))
    with keystone_callers(file, "default") as callers, listening("127.0.0.1:0") as listener:
        async with channel("127.0.0.1:1") as nowhere, asyncio.TaskGroup() as tasks:
            app = rest_app(VimServiceStub(nowhere), RestSettings(call_timeout_s=5), callers)
            tasks.create_task(serve(app, listener, stopping.wait, drain_s=0, grace_s=1))
            try:
                yield f"127.0.0.1:{listener.getsockname()[1]}"
            finally:
                stopping.set()


async def listed(address: str, token: str = TOKEN) -> HttpAnswer:
    return await ask(address, "GET", "/v1.0/vims.json", headers={"X-Auth-Token": token})


def said(**changes: object) -> Answer:
    return json_answer(200, json.dumps({"token": {**CLAIMS, **changes}}))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said(), NO_CONDUCTOR),
        (json_answer(404, '{"error": {"code": 404, "message": "no"}}'), REFUSED),
        (said(expires_at="2020-01-01T00:00:00.000000Z"), REFUSED),
        (said(project=None, roles=[]), (403, "PolicyNotAuthorized")),
        (said(project={"id": "blue,green", "name": "x", "domain": DOMAIN}), BUSY),
        (said(user={"id": "", "name": "x", "domain": DOMAIN}), BUSY),
        (said(user={"id": "a\nb", "name": "x", "domain": DOMAIN}), BUSY),
        (said(expires_at="never"), BUSY),
        (json_answer(500, "{}"), BUSY),
        (json_answer(401, "{}"), BUSY),
        (json_answer(403, "{}"), BUSY),
        (json_answer(200, "{}"), BUSY),
        (json_answer(200, "[]"), BUSY),
        (json_answer(200, "[" * 100_000), BUSY),
        (Answer(200, "not JSON"), BUSY),
        (Answer(204), BUSY),
    ],
)
async def test_an_answer_is_a_verdict_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, expected: tuple[int | str, ...]
) -> None:
    # However long the second request takes, it comes before Keystone is asked again.
    monkeypatch.setattr(token_checks, "_PAUSE_S", 60.0)
    keystone = Keystone(answer)
    async with http_server(keystone.answer) as keystone.url, door(tmp_path, keystone.url) as address:
        got = await listed(address)
        again = await listed(address)

    assert refusal(got)[: len(expected)] == refusal(again)[: len(expected)] == expected
    # A verdict is remembered, and an outage is not asked about at once. A service user that is refused logs in again.
    assert keystone.validations == (2 if answer.code == 401 else 1)
    if expected == BUSY:
        assert got.headers["retry-after"] == "1"
        assert "see the log of the api process" in refusal(got)[2]
    if expected == REFUSED:
        assert got.headers["www-authenticate"] == f'Keystone uri="{keystone.url}/v3"'
    assert not any(secret in str(got) for secret in (TOKEN, SECRET))


async def test_two_tokens_are_none(tmp_path: Path) -> None:
    keystone = Keystone(said())
    async with http_server(keystone.answer) as keystone.url, door(tmp_path, keystone.url) as address:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v1.0/vims HTTP/1.1\r\nhost: x\r\nx-auth-token: a\r\nX-Auth-Token: b\r\n\r\n")
        status = await asyncio.wait_for(reader.readline(), 10)
        writer.close()

    assert status.startswith(b"HTTP/1.1 401")
    assert keystone.validations == 0


@pytest.mark.parametrize("is_silent", [True, False])
async def test_a_keystone_that_is_away_costs_callers_no_more_than_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_silent: bool
) -> None:
    monkeypatch.setattr(keystone_client, "CALL_S", 0.3)
    async with silent_server() as silent, door(tmp_path, silent if is_silent else "http://127.0.0.1:1") as address:
        answers = await asyncio.gather(*(listed(address, f"token-{number}") for number in range(20)))

    assert {refusal(answer)[:2] for answer in answers} == {BUSY}
