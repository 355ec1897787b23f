"""Pages in browsers: which may use the front, and that no other one can have anything done there."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio

from tests.envoy.scripted import Scripted, scripted
from tests.support.callers.caller import Answer, ask
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from vimesh.envoy.fleet.front_fleet import FrontFleet
from vimesh.v1 import vim_service_pb2 as vims

OURS, STRANGER = "https://console.example", "https://console.example.org"
LISTED = FrontFleet((), origins=("http://other.example:8080", OURS))
JSON = {"content-type": "application/json"}
VIM = json.dumps({"vim": {"name": "some"}})
GET = b"\0\0\0\0\6" + vims.GetVimRequest(vim_id="some").SerializeToString()
GET_PATH = "/vimesh.v1.VimService/GetVim"
OWN_HOSTS = ("mesh.example", "MESH.example:7600", "127.0.0.1:7600", "[::1]", "localhost")
Request = tuple[str, str, str | bytes | None, dict[str, str]]
SIMPLE_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a")
"""What a page may send to anybody, without being asked."""


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def conductor() -> AsyncGenerator[Scripted]:
    async with scripted() as serving:
        yield serving


@pytest.fixture
def first(conductor: Scripted) -> Scripted:
    """Give the conductor, which this test has not called yet."""
    conductor.calls.clear()
    return conductor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def envoy(conductor: Scripted) -> AsyncGenerator[RunningEnvoy]:
    """Give one Envoy to all tests of this fleet file: to start it takes longer than most of them."""
    async with running_envoy([conductor.address], like=LISTED) as running:
        await running.until_healthy([conductor.address])
        yield running


def preflight(origin: str, method: str) -> dict[str, str]:
    asked = "content-type,x-grpc-web,authorization"
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": asked,
        "access-control-request-private-network": "true",
    }


def grants(answer: Answer) -> dict[str, str]:
    prefix = "access-control-"
    return {name.removeprefix(prefix): said for name, said in answer.headers.items() if name.startswith(prefix)}


@pytest.mark.parametrize("path", ["/v1/vims", "/v1/vims/some", GET_PATH, "/v1.0/vims"])
async def test_a_listed_origin_may_send_what_its_page_has_to_send(envoy: RunningEnvoy, path: str) -> None:
    allowed = grants(await ask(envoy.address, "OPTIONS", path, headers=preflight(OURS, "DELETE")))
    refused = await ask(envoy.address, "OPTIONS", path, headers=preflight(STRANGER, "DELETE"))

    assert allowed["allow-origin"] == OURS
    assert set(allowed["allow-methods"].split(", ")) == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    assert {"content-type", "x-grpc-web", "authorization", "x-auth-token"} <= set(allowed["allow-headers"].split(", "))
    assert allowed["allow-private-network"] == "true"
    assert "allow-credentials" not in allowed
    assert grants(refused) == {}


async def test_a_page_of_a_listed_origin_reads_answers_and_errors(envoy: RunningEnvoy) -> None:
    web = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    requests: tuple[Request, ...] = (
        ("GET", "/v1/vims/some", None, {}),
        ("HEAD", "/v1/vims/some", None, {}),
        ("GET", "/v1/vims/VIM_NOT_FOUND", None, {}),
        ("GET", "/v1/vims?page_size=many", None, {}),
        ("GET", "/nothing", None, {}),
        ("POST", "/v1/vims", VIM, JSON),
        ("POST", GET_PATH, GET, web),
    )
    for request in requests:
        method, path, body, headers = request
        allowed = await ask(envoy.address, method, path, body, {**headers, "origin": OURS})
        said = grants(allowed)
        assert said["allow-origin"] == OURS, request
        shown = {"grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after", "x-request-id"}
        assert set(said["expose-headers"].split(", ")) == shown, request
        # A cache must not give it to another page.
        assert allowed.headers["vary"] == "origin", request


async def test_a_page_of_another_origin_changes_nothing(envoy: RunningEnvoy, first: Scripted) -> None:
    changes: tuple[Request, ...] = (
        ("POST", "/v1/vims", VIM, JSON),
        ("PATCH", "/v1/vims/some", VIM, JSON),
        ("DELETE", "/v1/vims/some", None, {}),
        ("POST", GET_PATH, GET, {"content-type": "application/grpc"}),
        ("POST", GET_PATH, GET, {"content-type": "application/grpc-web+proto"}),
    )
    for origin in (STRANGER, "http://console.example", f"{OURS}:8443", "null", f"{OURS},x", ""):
        for method, path, body, headers in changes:
            # What the transcoder leaves in a request is taken from nobody else.
            forged = {**headers, "origin": origin, "x-envoy-original-path": "/"}
            answer = await ask(envoy.address, method, path, body, forged)
            assert answer.status == 403 or answer.headers["grpc-status"] == "7", (origin, path)
            assert grants(answer) == {}
    assert not first.calls

    read = await ask(envoy.address, "GET", "/v1/vims/some", headers={"origin": STRANGER})
    assert (read.status, grants(read)) == (200, {})


async def test_a_refused_page_is_told_in_the_words_of_the_contract(envoy: RunningEnvoy) -> None:
    answer = await ask(envoy.address, "DELETE", "/v1/vims/some", headers={"origin": STRANGER})

    says = "the origin of the page is not in cors.origins of the fleet file"
    assert answer.json() == {"code": 7, "message": says, "details": []}


async def test_without_a_list_no_page_changes_anything(first: Scripted) -> None:
    async with running_envoy([first.address]) as envoy:
        await envoy.until_healthy([first.address])
        changed = await ask(envoy.address, "POST", "/v1/vims", VIM, {**JSON, "origin": OURS})
        asked = await ask(envoy.address, "OPTIONS", "/v1/vims", headers=preflight(OURS, "POST"))

    assert (changed.status, grants(changed), grants(asked)) == (403, {}, {})
    assert not first.calls


def types() -> list[Mapping[str, str]]:
    odd = ("application/jsonp", "text/plain; application/json", "application/json, text/plain", "text/json")
    return [{}, *({"content-type": text} for text in (*SIMPLE_TYPES, *odd))]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/vims"), ("PATCH", "/v1/vims/some"), ("POST", "/v1/%76ims/")]
)
async def test_what_does_not_say_that_it_is_json_is_not_read(
    envoy: RunningEnvoy, first: Scripted, method: str, path: str
) -> None:
    for headers in types():
        answer = await ask(envoy.address, method, path, VIM.encode(), headers)
        assert (answer.status, answer.json()["message"]) == (415, "the content-type must be application/json"), headers

    assert (await ask(envoy.address, method, path)).status == 415
    assert not first.calls


async def test_json_may_have_parameters_and_capitals(envoy: RunningEnvoy) -> None:
    for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON ;charset=UTF-8"):
        # The scripted conductor does not know the call: it has come through.
        assert (await ask(envoy.address, "POST", "/v1/vims", VIM, {"content-type": kind})).status == 501


async def test_no_get_and_no_form_makes_a_call(envoy: RunningEnvoy, first: Scripted) -> None:
    for kind in SIMPLE_TYPES:
        assert (await ask(envoy.address, "POST", GET_PATH, GET, {"content-type": kind})).status == 415
    assert (await ask(envoy.address, "GET", f"{GET_PATH}?connect=v1&encoding=proto&message=")).status == 404
    override = {**JSON, "x-http-method-override": "DELETE"}
    assert (await ask(envoy.address, "POST", "/v1/vims/some", "{}", override)).status == 405
    assert not first.calls


async def test_a_front_may_be_called_by_its_own_names_alone(first: Scripted) -> None:
    async with running_envoy([first.address], like=FrontFleet((), hosts=("mesh.example",))) as envoy:
        await envoy.until_healthy([first.address])
        by = {
            host: (await ask(envoy.address, "GET", "/v1/vims/some", headers={"host": host})).status
            for host in (*OWN_HOSTS, "evil.example", "mesh.example.evil.example", "meshxexample", "1.2.3.4.example")
        }

    assert [host for host, status in by.items() if status == 200] == list(OWN_HOSTS)
    assert {status for status in by.values() if status != 200} == {421}
