"""What one caller of the REST door can ask for is bounded, and said in Tacker's form."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import pytest

from tests.support.callers.caller import ask
from tests.support.deployments.conductors import Client
from tests.support.deployments.rest_doors import LAB, Door, door_to, refusal, scripted
from tests.support.timing.cpu_budget import cpu_budget
from tests.support.timing.waiting import eventually
from vimesh.api.rest.rest_app import RestSettings
from vimesh.http.request_admission import RequestAdmissionLimits
from vimesh.v1 import vim_pb2, vim_service_pb2_grpc
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.limits import MAX_JSON_BYTES

_CPU_S = 0.8
"""Of the whole test's process. Made messages, the values of such a body take a second and more."""


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("name", ["extra", "vim_project", "auth_cred"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": [None] * 2048}, "it holds more than 2048 values"),
        ({"a": nested(16)}, "it is nested deeper than 16 levels"),
        ({"a": nested(900)}, "it is nested deeper than 16 levels"),
        ({"a": [10**400]}, "it contains a number that JSON cannot represent"),
    ],
    ids=["values", "depth", "great depth", "number"],
)
async def test_a_nested_attribute_is_bounded(door: Door, method: str, name: str, value: object, says: str) -> None:
    vim = await door.register(name="other")
    path = "vims" if method == "POST" else f"vims/{vim['id']}"
    whole = LAB if method == "POST" else {}

    answer = await door.send(method, path, {"vim": {**whole, name: value}})

    assert refusal(answer) == (400, "HTTPBadRequest", f"Invalid input for {name}. Reason: {says}.")


async def test_a_number_beyond_all_doubles_is_refused(door: Door) -> None:
    answer = await door.send("POST", "vims", json.dumps({"vim": LAB | {"extra": {"a": 0}}}).replace("0}", "1e999}"))

    assert refusal(answer)[::2] == (
        400,
        "Invalid input for extra. Reason: it contains a number that JSON cannot represent.",
    )


@pytest.mark.parametrize(
    ("before", "unit", "after"),
    [
        ('{"vim":{"extra":{"a":[', "{},", "{}]}}}"),
        ('{"vim":{"extra":{"a":[', "1,", "1]}}}"),
        ('{"vim":{"extra":{"a":[', "9" * 4000 + ",", "1]}}}"),
        ('{"vim":{"name":[', "[],", "1]}}"),
        ("[", "0,", "0]"),
        ("[", "[", ""),
        ('{"a":', '{"a":', ""),
    ],
)
async def test_the_largest_bodies_are_refused_at_little_cost(door: Door, before: str, unit: str, after: str) -> None:
    text = before + unit * ((MAX_JSON_BYTES - len(before) - len(after)) // len(unit)) + after

    for attempt in cpu_budget(_CPU_S):
        with attempt:
            answer = await door.send("POST", "vims", text)

        assert refusal(answer)[:2] == (400, "HTTPBadRequest")


async def test_a_query_has_at_most_a_hundred_parameters(door: Door) -> None:
    for path in ("vims", "events"):
        assert (await door.send("GET", f"{path}?" + "&".join(["fields=id"] * 100))).status == 200
        answer = await door.send("GET", f"{path}?" + "&".join(f"id={number}" for number in range(101)))
        assert refusal(answer) == (400, "HTTPBadRequest", "the query has more than 100 parameters")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=" + "9" * 5000, 400),
        ("limit=-1", 400),
        ("limit=%D9%A3", 400),
        ("limit=1e3", 400),
        ("marker=" + "A" * 5000, 400),
        ("marker=W10", 400),
        ("marker=%00", 400),
        ("marker=%ED%A0%80", 400),
        ("name=" + "*a" * 100, 200),
        ("name=" + "a" * 5000, 200),
        ("name=" + quote('"\\' * 100), 200),
        ("name=%00%ED%A0%80", 200),
        ("is_default=" + "9" * 5000, 400),
        ("&" * 5000, 200),
        ("%" * 5000, 400),
        ("=" * 5000, 400),
    ],
)
async def test_odd_queries_have_an_answer(door: Door, query: str, status: int) -> None:
    answer = await door.send("GET", f"vims?{query}")

    assert answer.status == status
    if status != 200:
        assert refusal(answer)[1] == "HTTPBadRequest"


@pytest.mark.parametrize("host", ["[", "[::1", "a b", "a:99999999", "%", "a/b?c#d", "\u00e9", "@", ""])
async def test_odd_hosts_have_an_answer(door: Door, host: str) -> None:
    await door.register()
    for path in ("/v1.0/", "/v1.0/vims?limit=1", "/v1.0/events?limit=1"):
        answer = await ask(door.address, "GET", path, headers={"host": host})
        assert answer.status in (200, 400)


async def test_as_much_head_is_taken_as_envoy_lets_through(door: Door) -> None:
    assert (await ask(door.address, "GET", "/v1.0/vims", headers={"x": "a" * 60_000})).status == 200


async def test_a_body_that_does_not_come_is_waited_for_only_so_long(client: Client) -> None:
    async with door_to(client.address, RestSettings(body_within_s=0.1)) as door, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*door.address.split(":"))
        writer.write(b"POST /v1.0/vims HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n")
        writer.write(b'content-length: 100\r\n\r\n{"vim": ')
        answer = await reader.read()
        writer.close()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["TackerError"] == {
        "type": "HTTPRequestTimeout",
        "message": "the request did not arrive within 0.1 s",
        "detail": "",
    }


class Lists(vim_service_pb2_grpc.VimServiceServicer):
    """A conductor whose lists never end, but stand still while a test wants it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def ListVims(self, request: pb.ListVimsRequest, _context: object) -> pb.ListVimsResponse:  # noqa: N802 - the RPC
        self.asked.set()
        await self.goes_on.wait()
        more = "" if request.page_size == 1 else "more"
        vims = [vim_pb2.Vim(description="x" * 4096)] * min(request.page_size, 200)
        return pb.ListVimsResponse(vims=vims, next_page_token=more)


def limited(requests: int, reads: int, stalled_s: float = 30) -> RestSettings:
    return RestSettings(admission=RequestAdmissionLimits(requests, reads, stalled_s))


async def test_too_many_requests_hear_at_once_to_come_again() -> None:
    lists = Lists()  # type: ignore[abstract]  # the other calls are not made
    async with scripted(lists) as conductor, door_to(conductor, limited(2, 1)) as door:
        one = asyncio.create_task(door.send("GET", "vims?limit=1"))
        await lists.asked.wait()

        refused = await door.send("GET", "vims?limit=1")
        change = await door.send("POST", "vims", "{}")
        lists.goes_on.set()

        assert refusal(refused) == (503, "ServiceUnavailable", "too many requests are under way; try again later")
        assert refused.headers["retry-after"] == "1"
        assert change.status == 400
        assert (await one).status == 200
        assert (await door.send("GET", "vims?limit=1")).status == 200


async def test_changes_are_limited_too() -> None:
    lists = Lists()  # type: ignore[abstract]  # the other calls are not made
    async with scripted(lists) as conductor, door_to(conductor, limited(1, 1)) as door:
        one = asyncio.create_task(door.send("GET", "vims?limit=1"))
        await lists.asked.wait()

        assert refusal(await door.send("POST", "vims", "{}"))[0] == 503
        lists.goes_on.set()
        assert (await one).status == 200


async def test_a_caller_that_takes_nothing_keeps_no_place() -> None:
    lists = Lists()  # type: ignore[abstract]  # the other calls are not made
    lists.goes_on.set()
    async with scripted(lists) as conductor, door_to(conductor, limited(1, 1, 0.1)) as door:
        _, writer = await asyncio.open_connection(*door.address.split(":"), limit=1024)
        writer.write(b"GET /v1.0/vims HTTP/1.1\r\nhost: a\r\n\r\n")
        await lists.asked.wait()

        async def is_served() -> bool:
            return (await door.send("GET", "vims?limit=1")).status == 200

        await eventually(is_served, 20)
        writer.transport.abort()
