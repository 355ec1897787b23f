"""The JSON door: what the transcoder makes of the contract, and how every error looks.

What a conductor makes of JSON bodies is in tests/fleet/test_json_door.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from importlib.resources import files

import pytest
import pytest_asyncio

from tests.envoy.scripted import Scripted, scripted
from tests.support.callers.caller import LIMIT_S, ask
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from vimesh.envoy import doors

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def conductors() -> AsyncGenerator[tuple[Scripted, Scripted]]:
    async with scripted() as first, scripted() as second:
        yield first, second


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def envoy(conductors: tuple[Scripted, Scripted]) -> AsyncGenerator[RunningEnvoy]:
    """Give one Envoy to all tests that leave it as it was: to start it takes longer than most of them."""
    addresses = [conductor.address for conductor in conductors]
    async with running_envoy(addresses) as running:
        await running.until_healthy(addresses)
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def lonely_envoy(conductors: tuple[Scripted, Scripted]) -> AsyncGenerator[RunningEnvoy]:
    """Give an Envoy whose conductors were taken away."""
    addresses = [conductor.address for conductor in conductors]
    async with running_envoy(addresses) as running:
        await running.until_healthy(addresses)
        running.replace_conductors([])
        await running.until_healthy([])
        yield running


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    code: int
    says: str


def info(reason: str) -> dict[str, object]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "vimesh.v1",
        "metadata": {},
    }


async def test_names_are_those_of_the_protos_and_nothing_is_left_out(envoy: RunningEnvoy) -> None:
    answer = await ask(envoy.address, "GET", "/v1/vims/some")

    vim = answer.json()["vim"]
    assert isinstance(vim, dict)
    assert answer.status == 200
    assert (vim["id"], vim["status"], vim["revision"]) == ("some", "REACHABLE", "7")
    assert (vim["auth_url"], vim["is_default"]) == ("", False)
    assert answer.headers["server"] == "vimesh"
    assert not [name for name in answer.headers if name.startswith("x-envoy")]


async def test_a_query_is_read(envoy: RunningEnvoy) -> None:
    answer = await ask(envoy.address, "GET", "/v1/vims?page_size=1&filter=status=UNKNOWN+AND+name%3D%22a*%22")

    assert answer.json()["vims"][0]["name"] == 'status=UNKNOWN AND name="a*"'  # type: ignore[index]  # it is a list


async def test_a_page_of_a_thousand_vims_fits(envoy: RunningEnvoy) -> None:
    answer = await ask(envoy.address, "GET", "/v1/vims?page_size=1000")

    assert answer.status == 200
    assert len(answer.body) > 3_500_000


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ("VIM_INVALID_ARGUMENT", 400, 3),
        ("VIM_OUT_OF_RANGE", 400, 11),
        ("VIM_NOT_FOUND", 404, 5),
        ("VIM_ALREADY_EXISTS", 409, 6),
        ("VIM_ABORTED", 409, 10),
        ("VIM_RESOURCE_EXHAUSTED", 429, 8),
        ("VIM_INTERNAL", 500, 13),
        ("VIM_UNAVAILABLE", 503, 14),
    ],
)
async def test_an_error_is_a_status_with_its_details(envoy: RunningEnvoy, script: str, status: int, code: int) -> None:
    answer = await ask(envoy.address, "GET", f"/v1/vims/{script}")

    error = answer.json()
    details = error["details"]
    assert isinstance(details, list)
    assert (answer.status, error["code"], error["message"]) == (status, code, "says the script")
    assert details[0] == {**info(script), "metadata": {"vim_id": "7"}}


@pytest.mark.parametrize(
    ("request_line", "body", "error"),
    [
        (("GET", "/nothing"), None, Refusal(404, 5, "no such path")),
        (("GET", "/v1.0/vims"), None, Refusal(404, 5, "no such path")),
        (("POST", "/vimesh.v1.VimService/GetVim"), "{}", Refusal(404, 5, "no such path")),
        (("PUT", "/v1/vims/some"), "{}", Refusal(405, 12, "this method")),
        (("GET", "/v1/vims/a%2Fb"), None, Refusal(400, 3, "")),
        (("GET", "/v1/vims?colour=red"), None, Refusal(400, 3, "colour")),
        (("GET", "/v1/vims?page_size=many"), None, Refusal(400, 3, "page_size")),
        (("POST", "/v1/vims"), json.dumps({"vim": {"description": "d" * 524_288}}), Refusal(413, 8, "Too Large")),
    ],
)
async def test_what_envoy_refuses_itself_looks_like_every_other_error(
    *,
    envoy: RunningEnvoy,
    conductors: tuple[Scripted, Scripted],
    request_line: tuple[str, str],
    body: str | None,
    error: Refusal,
) -> None:
    for conductor in conductors:
        conductor.calls.clear()
    method, path = request_line
    answer = await ask(envoy.address, method, path, body, {"content-type": "application/json"} if body else None)

    said = answer.json()
    assert (answer.status, said["code"]) == (error.status, error.code)
    assert said["details"] == ([info("BAD_INPUT")] if error.code == 3 else [])
    assert error.says in str(said["message"])
    assert not any(conductor.calls for conductor in conductors)


async def test_a_fleet_without_conductors_says_unavailable(lonely_envoy: RunningEnvoy) -> None:
    answer = await ask(lonely_envoy.address, "GET", "/v1/vims/some")

    assert answer.status == 503
    assert answer.json() == {
        "code": 14,
        "message": "no conductor answers",
        "details": [
            info("STORE_UNAVAILABLE"),
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1s"},
        ],
    }


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 204), ("PUT", 405)])
async def test_a_path_says_which_methods_it_has(envoy: RunningEnvoy, method: str, status: int) -> None:
    answer = await ask(envoy.address, method, "/v1/vims/some")

    assert (answer.status, answer.headers["allow"]) == (status, "GET, PATCH, DELETE, HEAD, OPTIONS")


async def test_the_front_describes_its_paths_even_without_conductors(lonely_envoy: RunningEnvoy) -> None:
    answer = await ask(lonely_envoy.address, "GET", "/v1/openapi.json")

    assert answer.status == 200
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.body == files(doors).joinpath("openapi.json").read_bytes()
    head = await ask(lonely_envoy.address, "HEAD", "/v1/openapi.json")
    assert (head.status, head.headers["content-type"], head.body) == (200, "application/json", b"")


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 204), ("POST", 405)])
async def test_the_description_can_only_be_read(envoy: RunningEnvoy, method: str, status: int) -> None:
    answer = await ask(envoy.address, method, "/v1/openapi.json")

    assert (answer.status, answer.headers["allow"]) == (status, "GET, HEAD, OPTIONS")


async def test_other_origins_are_not_let_in(envoy: RunningEnvoy) -> None:
    answer = await ask(envoy.address, "GET", "/v1/vims/some", headers={"origin": "http://elsewhere.example"})

    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_watch_is_one_json_object_on_each_line(envoy: RunningEnvoy) -> None:
    host, port = envoy.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(LIMIT_S):
        writer.write(b"GET /v1/vims:watch?start_revision=7 HTTP/1.1\r\nhost: front\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        # The stream stays open, and yet both changes have come.
        seen = await reader.readuntil(b'"revision":"8"')
        writer.close()
        await writer.wait_closed()

    assert head.startswith(b"HTTP/1.1 200 ")
    first_line = next(line for line in seen.splitlines() if line.startswith(b"{"))
    assert json.loads(first_line) == {
        "vims": [],
        "events": [],
        "revision": "7",
        "log_id": "",
        "end": "WATCH_END_UNSPECIFIED",
    }


async def test_a_watch_that_cannot_begin_is_an_error_like_any_other(envoy: RunningEnvoy) -> None:
    answer = await ask(envoy.address, "GET", "/v1/vims:watch?vim_id=VIM_OUT_OF_RANGE")

    assert (answer.status, answer.json()["code"]) == (400, 11)
